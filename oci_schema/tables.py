"""The rules of check.py. Written by `python -m oci_schema.generate`: change the schema instead."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Rule = tuple[Any, ...] | frozenset[str]

ARRAY, OBJECT, PATTERN = 0, 1, 2

# fmt: off
ROOT: Rule = (OBJECT, {"path": str, "readonly": bool}, ("path",), None)
STRINGS: Rule = (ARRAY, str, 0)
UINT32 = range(0, 4294967296)
ID_MAPPING: Rule = (
    OBJECT,
    {"containerID": UINT32, "hostID": UINT32, "size": UINT32},
    ("containerID", "hostID", "size"),
    None,
)
ID_MAPPINGS: Rule = (ARRAY, ID_MAPPING, 0)
MOUNT: Rule = (
    OBJECT,
    {
        "destination": str,
        "type": str,
        "source": str,
        "options": STRINGS,
        "uidMappings": ID_MAPPINGS,
        "gidMappings": ID_MAPPINGS,
    },
    ("destination",),
    None,
)
UINT64 = range(0, 18446744073709551616)
USER: Rule = (
    OBJECT,
    {
        "uid": UINT32,
        "gid": UINT32,
        "umask": UINT32,
        "additionalGids": (ARRAY, UINT32, 0),
        "username": str,
    },
    (),
    None,
)
CAPABILITIES: Rule = (
    OBJECT,
    {
        "bounding": STRINGS,
        "effective": STRINGS,
        "permitted": STRINGS,
        "inheritable": STRINGS,
        "ambient": STRINGS,
    },
    (),
    None,
)
RLIMIT: Rule = (
    OBJECT,
    {
        "type": (PATTERN, "RLIMIT_", (("ABCDEFGHIJKLMNOPQRSTUVWXYZ", False, 1, 4294967296),)),
        "soft": UINT64,
        "hard": UINT64,
    },
    ("type", "soft", "hard"),
    None,
)
INT32 = range(-2147483648, 2147483648)
IO_PRIORITY: Rule = (
    OBJECT,
    {
        "class": frozenset({"IOPRIO_CLASS_BE", "IOPRIO_CLASS_IDLE", "IOPRIO_CLASS_RT"}),
        "priority": INT32,
    },
    ("class",),
    None,
)
SCHEDULER: Rule = (
    OBJECT,
    {
        "policy": frozenset({
            "SCHED_BATCH",
            "SCHED_DEADLINE",
            "SCHED_FIFO",
            "SCHED_IDLE",
            "SCHED_ISO",
            "SCHED_OTHER",
            "SCHED_RR",
        }),
        "nice": INT32,
        "priority": INT32,
        "flags": (
            ARRAY,
            frozenset({
                "SCHED_FLAG_DL_OVERRUN",
                "SCHED_FLAG_KEEP_PARAMS",
                "SCHED_FLAG_KEEP_POLICY",
                "SCHED_FLAG_RECLAIM",
                "SCHED_FLAG_RESET_ON_FORK",
                "SCHED_FLAG_UTIL_CLAMP_MAX",
                "SCHED_FLAG_UTIL_CLAMP_MIN",
            }),
            0,
        ),
        "runtime": UINT64,
        "deadline": UINT64,
        "period": UINT64,
    },
    ("policy",),
    None,
)
CPU_LIST: Rule = (PATTERN, "", (("0123456789, -", False, 0, 4294967296),))
PROCESS: Rule = (
    OBJECT,
    {
        "terminal": bool,
        "consoleSize": (OBJECT, {"height": UINT64, "width": UINT64}, ("height", "width"), None),
        "cwd": str,
        "env": STRINGS,
        "args": STRINGS,
        "commandLine": str,
        "user": USER,
        "capabilities": CAPABILITIES,
        "rlimits": (ARRAY, RLIMIT, 0),
        "noNewPrivileges": bool,
        "apparmorProfile": str,
        "selinuxLabel": str,
        "oomScoreAdj": int,
        "ioPriority": IO_PRIORITY,
        "scheduler": SCHEDULER,
        "execCPUAffinity": (OBJECT, {"initial": CPU_LIST, "final": CPU_LIST}, (), None),
    },
    ("cwd",),
    None,
)
HOOK: Rule = (
    OBJECT,
    {"path": str, "args": STRINGS, "env": STRINGS, "timeout": range(1, 9223372036854775808)},
    ("path",),
    None,
)
HOOK_LIST: Rule = (ARRAY, HOOK, 0)
HOOKS: Rule = (
    OBJECT,
    {
        "prestart": HOOK_LIST,
        "createRuntime": HOOK_LIST,
        "createContainer": HOOK_LIST,
        "startContainer": HOOK_LIST,
        "poststart": HOOK_LIST,
        "poststop": HOOK_LIST,
    },
    (),
    None,
)
STRING_MAP: Rule = (OBJECT, {}, (), str)
NAMESPACE_TYPE: Rule = frozenset({
    "cgroup",
    "ipc",
    "mount",
    "network",
    "pid",
    "time",
    "user",
    "uts",
})
NAMESPACE: Rule = (OBJECT, {"type": NAMESPACE_TYPE, "path": str}, ("type",), None)
INT64 = range(-9223372036854775808, 9223372036854775808)
TIME_OFFSET: Rule = (OBJECT, {"secs": INT64, "nanosecs": UINT32}, (), None)
FILE_MODE = range(0, 512)
DEVICE: Rule = (
    OBJECT,
    {
        "type": frozenset({"b", "c", "p", "u"}),
        "path": str,
        "major": INT64,
        "minor": INT64,
        "fileMode": FILE_MODE,
        "uid": UINT32,
        "gid": UINT32,
    },
    ("type", "path"),
    None,
)
NET_DEVICE: Rule = (OBJECT, {"name": str}, (), None)
DEVICE_RULE: Rule = (
    OBJECT,
    {"allow": bool, "type": str, "major": INT64, "minor": INT64, "access": str},
    ("allow",),
    None,
)
MEMORY: Rule = (
    OBJECT,
    {
        "limit": INT64,
        "reservation": INT64,
        "swap": INT64,
        "kernel": INT64,
        "kernelTCP": INT64,
        "swappiness": UINT64,
        "disableOOMKiller": bool,
        "useHierarchy": bool,
        "checkBeforeUpdate": bool,
    },
    (),
    None,
)
CPU: Rule = (
    OBJECT,
    {
        "shares": UINT64,
        "quota": INT64,
        "burst": UINT64,
        "period": UINT64,
        "realtimeRuntime": INT64,
        "realtimePeriod": UINT64,
        "cpus": str,
        "mems": str,
        "idle": INT64,
    },
    (),
    None,
)
UINT16 = range(0, 65536)
WEIGHT_DEVICE: Rule = (
    OBJECT,
    {"major": INT64, "minor": INT64, "weight": UINT16, "leafWeight": UINT16},
    ("major", "minor"),
    None,
)
THROTTLE_DEVICE: Rule = (
    OBJECT,
    {"major": INT64, "minor": INT64, "rate": UINT64},
    ("major", "minor"),
    None,
)
THROTTLE_DEVICES: Rule = (ARRAY, THROTTLE_DEVICE, 0)
BLOCK_IO: Rule = (
    OBJECT,
    {
        "weight": UINT16,
        "leafWeight": UINT16,
        "weightDevice": (ARRAY, WEIGHT_DEVICE, 0),
        "throttleReadBpsDevice": THROTTLE_DEVICES,
        "throttleWriteBpsDevice": THROTTLE_DEVICES,
        "throttleReadIOPSDevice": THROTTLE_DEVICES,
        "throttleWriteIOPSDevice": THROTTLE_DEVICES,
    },
    (),
    None,
)
HUGEPAGE_LIMIT: Rule = (
    OBJECT,
    {
        "pageSize": (
            PATTERN,
            "",
            (
                ("123456789", False, 1, 1),
                ("0123456789", False, 0, 4294967296),
                ("KMG", False, 1, 1),
                ("B", False, 1, 1),
            ),
        ),
        "limit": UINT64,
    },
    ("pageSize", "limit"),
    None,
)
NETWORK: Rule = (
    OBJECT,
    {
        "classID": UINT32,
        "priorities": (
            ARRAY,
            (OBJECT, {"name": str, "priority": UINT32}, ("name", "priority"), None),
            0,
        ),
    },
    (),
    None,
)
RESOURCES: Rule = (
    OBJECT,
    {
        "devices": (ARRAY, DEVICE_RULE, 0),
        "memory": MEMORY,
        "cpu": CPU,
        "pids": (OBJECT, {"limit": INT64}, ("limit",), None),
        "blockIO": BLOCK_IO,
        "hugepageLimits": (ARRAY, HUGEPAGE_LIMIT, 0),
        "network": NETWORK,
        "rdma": (OBJECT, {}, (), (OBJECT, {"hcaHandles": UINT32, "hcaObjects": UINT32}, (), None)),
        "unified": STRING_MAP,
    },
    (),
    None,
)
INTEL_RDT: Rule = (
    OBJECT,
    {
        "closID": str,
        "schemata": STRINGS,
        "l3CacheSchema": str,
        "memBwSchema": (PATTERN, "MB:", (("\n", True, 0, 4294967296),)),
        "enableMonitoring": bool,
    },
    (),
    None,
)
MEMORY_POLICY: Rule = (
    OBJECT,
    {
        "mode": frozenset({
            "MPOL_BIND",
            "MPOL_DEFAULT",
            "MPOL_INTERLEAVE",
            "MPOL_LOCAL",
            "MPOL_PREFERRED",
            "MPOL_PREFERRED_MANY",
            "MPOL_WEIGHTED_INTERLEAVE",
        }),
        "nodes": str,
        "flags": (
            ARRAY,
            frozenset({"MPOL_F_NUMA_BALANCING", "MPOL_F_RELATIVE_NODES", "MPOL_F_STATIC_NODES"}),
            0,
        ),
    },
    (),
    None,
)
ACTION: Rule = frozenset({
    "SCMP_ACT_ALLOW",
    "SCMP_ACT_ERRNO",
    "SCMP_ACT_KILL",
    "SCMP_ACT_KILL_PROCESS",
    "SCMP_ACT_KILL_THREAD",
    "SCMP_ACT_LOG",
    "SCMP_ACT_NOTIFY",
    "SCMP_ACT_TRACE",
    "SCMP_ACT_TRAP",
})
FLAG: Rule = frozenset({
    "SECCOMP_FILTER_FLAG_LOG",
    "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
    "SECCOMP_FILTER_FLAG_TSYNC",
    "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
})
ARCHITECTURE: Rule = frozenset({
    "SCMP_ARCH_AARCH64",
    "SCMP_ARCH_ARM",
    "SCMP_ARCH_LOONGARCH64",
    "SCMP_ARCH_M68K",
    "SCMP_ARCH_MIPS",
    "SCMP_ARCH_MIPS64",
    "SCMP_ARCH_MIPS64N32",
    "SCMP_ARCH_MIPSEL",
    "SCMP_ARCH_MIPSEL64",
    "SCMP_ARCH_MIPSEL64N32",
    "SCMP_ARCH_PARISC",
    "SCMP_ARCH_PARISC64",
    "SCMP_ARCH_PPC",
    "SCMP_ARCH_PPC64",
    "SCMP_ARCH_PPC64LE",
    "SCMP_ARCH_RISCV64",
    "SCMP_ARCH_S390",
    "SCMP_ARCH_S390X",
    "SCMP_ARCH_SH",
    "SCMP_ARCH_SHEB",
    "SCMP_ARCH_X32",
    "SCMP_ARCH_X86",
    "SCMP_ARCH_X86_64",
})
OPERATOR: Rule = frozenset({
    "SCMP_CMP_EQ",
    "SCMP_CMP_GE",
    "SCMP_CMP_GT",
    "SCMP_CMP_LE",
    "SCMP_CMP_LT",
    "SCMP_CMP_MASKED_EQ",
    "SCMP_CMP_NE",
})
CONDITION: Rule = (
    OBJECT,
    {"index": UINT32, "value": UINT64, "valueTwo": UINT64, "op": OPERATOR},
    ("index", "value", "op"),
    None,
)
RULE: Rule = (
    OBJECT,
    {"names": (ARRAY, str, 1), "action": ACTION, "errnoRet": UINT32, "args": (ARRAY, CONDITION, 0)},
    ("names", "action"),
    None,
)
SECCOMP: Rule = (
    OBJECT,
    {
        "defaultAction": ACTION,
        "defaultErrnoRet": UINT32,
        "flags": (ARRAY, FLAG, 0),
        "listenerPath": str,
        "listenerMetadata": str,
        "architectures": (ARRAY, ARCHITECTURE, 0),
        "syscalls": (ARRAY, RULE, 0),
    },
    ("defaultAction",),
    None,
)
LINUX: Rule = (
    OBJECT,
    {
        "namespaces": (ARRAY, NAMESPACE, 0),
        "uidMappings": ID_MAPPINGS,
        "gidMappings": ID_MAPPINGS,
        "timeOffsets": (OBJECT, {"boottime": TIME_OFFSET, "monotonic": TIME_OFFSET}, (), None),
        "devices": (ARRAY, DEVICE, 0),
        "netDevices": (OBJECT, {}, (), NET_DEVICE),
        "cgroupsPath": str,
        "resources": RESOURCES,
        "intelRdt": INTEL_RDT,
        "memoryPolicy": MEMORY_POLICY,
        "sysctl": STRING_MAP,
        "seccomp": SECCOMP,
        "rootfsPropagation": frozenset({"private", "shared", "slave", "unbindable"}),
        "maskedPaths": STRINGS,
        "readonlyPaths": STRINGS,
        "mountLabel": str,
        "personality": (
            OBJECT,
            {"domain": frozenset({"LINUX", "LINUX32"}), "flags": STRINGS},
            (),
            None,
        ),
    },
    (),
    None,
)
VM: Rule = (
    OBJECT,
    {
        "hypervisor": (OBJECT, {"path": str, "parameters": STRINGS}, ("path",), None),
        "kernel": (OBJECT, {"path": str, "parameters": STRINGS, "initrd": str}, ("path",), None),
        "image": (
            OBJECT,
            {"path": str, "format": frozenset({"qcow2", "raw", "vdi", "vhd", "vmdk"})},
            ("path", "format"),
            None,
        ),
        "hwConfig": (
            OBJECT,
            {
                "deviceTree": str,
                "vcpus": UINT32,
                "memory": UINT64,
                "dtdevs": STRINGS,
                "iomems": (
                    ARRAY,
                    (
                        OBJECT,
                        {"firstGFN": UINT64, "firstMFN": UINT64, "nrMFNs": UINT64},
                        ("firstMFN", "nrMFNs"),
                        None,
                    ),
                    0,
                ),
                "irqs": (ARRAY, UINT32, 0),
            },
            (),
            None,
        ),
    },
    ("kernel",),
    None,
)
WINDOWS: Rule = (
    OBJECT,
    {
        "layerFolders": (ARRAY, str, 1),
        "devices": (
            ARRAY,
            (OBJECT, {"id": str, "idType": frozenset({"class"})}, ("id", "idType"), None),
            0,
        ),
        "resources": (
            OBJECT,
            {
                "memory": (OBJECT, {"limit": UINT64}, (), None),
                "cpu": (
                    OBJECT,
                    {
                        "count": UINT64,
                        "shares": UINT16,
                        "maximum": UINT16,
                        "affinity": (OBJECT, {"mask": UINT64, "group": UINT32}, (), None),
                    },
                    (),
                    None,
                ),
                "storage": (
                    OBJECT,
                    {"iops": UINT64, "bps": UINT64, "sandboxSize": UINT64},
                    (),
                    None,
                ),
            },
            (),
            None,
        ),
        "network": (
            OBJECT,
            {
                "endpointList": STRINGS,
                "allowUnqualifiedDNSQuery": bool,
                "DNSSearchList": STRINGS,
                "networkSharedContainerName": str,
                "networkNamespace": str,
            },
            (),
            None,
        ),
        "credentialSpec": dict,
        "servicing": bool,
        "ignoreFlushesDuringBoot": bool,
        "hyperv": (OBJECT, {"utilityVMPath": str}, (), None),
    },
    ("layerFolders",),
    None,
)
SOLARIS: Rule = (
    OBJECT,
    {
        "milestone": str,
        "limitpriv": str,
        "maxShmMemory": str,
        "cappedCPU": (OBJECT, {"ncpus": str}, (), None),
        "cappedMemory": (OBJECT, {"physical": str, "swap": str}, (), None),
        "anet": (
            ARRAY,
            (
                OBJECT,
                {
                    "linkname": str,
                    "lowerLink": str,
                    "allowedAddress": str,
                    "configureAllowedAddress": str,
                    "defrouter": str,
                    "macAddress": str,
                    "linkProtection": str,
                },
                (),
                None,
            ),
            0,
        ),
    },
    (),
    None,
)
JAIL_SHARED_OR_NEW: Rule = frozenset({"inherit", "new"})
JAIL_SHARING: Rule = frozenset({"disable", "inherit", "new"})
UINT8 = range(0, 256)
JAIL: Rule = (
    OBJECT,
    {
        "parent": str,
        "host": JAIL_SHARED_OR_NEW,
        "ip4": JAIL_SHARING,
        "ip4Addr": STRINGS,
        "ip6": JAIL_SHARING,
        "ip6Addr": STRINGS,
        "vnet": JAIL_SHARED_OR_NEW,
        "interface": str,
        "vnetInterfaces": STRINGS,
        "sysvmsg": JAIL_SHARING,
        "sysvsem": JAIL_SHARING,
        "sysvshm": JAIL_SHARING,
        "enforceStatfs": UINT8,
        "allow": (
            OBJECT,
            {
                "setHostname": bool,
                "rawSockets": bool,
                "chflags": bool,
                "mount": STRINGS,
                "quotas": bool,
                "socketAf": bool,
                "mlock": bool,
                "reservedPorts": bool,
                "suser": bool,
            },
            (),
            None,
        ),
    },
    (),
    None,
)
FREEBSD: Rule = (
    OBJECT,
    {"devices": (ARRAY, (OBJECT, {"path": str, "mode": FILE_MODE}, (), None), 0), "jail": JAIL},
    (),
    None,
)
ZOS: Rule = (
    OBJECT,
    {
        "namespaces": (
            ARRAY,
            (
                OBJECT,
                {"type": frozenset({"ipc", "mount", "pid", "uts"}), "path": str},
                ("type",),
                None,
            ),
            0,
        ),
    },
    (),
    None,
)
CONFIG: Rule = (
    OBJECT,
    {
        "ociVersion": str,
        "root": ROOT,
        "mounts": (ARRAY, MOUNT, 0),
        "process": PROCESS,
        "hostname": str,
        "domainname": str,
        "hooks": HOOKS,
        "annotations": STRING_MAP,
        "linux": LINUX,
        "vm": VM,
        "windows": WINDOWS,
        "solaris": SOLARIS,
        "freebsd": FREEBSD,
        "zos": ZOS,
    },
    ("ociVersion",),
    None,
)
