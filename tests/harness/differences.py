"""Where runc and crun legitimately do something else than pyrunc, and why.

The tests say what pyrunc does. A test listed here is expected to fail with that other
runtime, strictly: if it passes, the line is out of date. Versions: runc 1.1, crun 1.8 (Debian 12).
"""

from __future__ import annotations

DIFFERENCES: dict[str, dict[str, str]] = {
    "runc": {
        "test_run.py::TestDescriptors::test_preserved_must_be_open": "1.1 hands over its own",
        "test_run.py::TestOddCallers::test_ignored_and_blocked_signals_are_reset": (
            "keeps blocked signals blocked"
        ),
        "test_namespaces.py::test_new[time]": "no time namespaces before 1.2",
        "test_namespaces.py::TestIsolation::test_time": "no time namespaces before 1.2",
        "test_namespaces.py::TestJoined::test_time_by_path": "no time namespaces before 1.2",
        "test_namespaces.py::TestIsolation::test_uts": "no domainname before 1.2",
        "test_namespaces.py::TestJoined::test_user_namespace_of_a_neighbour": (
            "1.1 asks for mappings beside the path"
        ),
        "test_namespaces.py::TestRefused::test_mappings_without_a_user_namespace": (
            "mappings without a user namespace are ignored in silence"
        ),
        "test_namespaces.py::TestRefused::test_time_offsets_without_a_time_namespace": (
            "1.1 does not know them"
        ),
        "test_mounts.py::test_options_of_a_tmpfs[defaults]": "becomes data of the mount",
        "test_mounts.py::test_options_of_a_tmpfs[rro]": "1.1: binds only",
        "test_mounts.py::test_options_of_a_tmpfs[rnosuid rnodev]": "1.1: binds only",
        "test_mounts.py::test_options_of_a_tmpfs[rnoexec]": "1.1: binds only",
        "test_mounts.py::test_options_of_a_tmpfs[rnoatime]": "1.1: binds only",
        "test_mounts.py::test_options_of_a_tmpfs[rnodiratime]": "1.1: binds only",
        "test_mounts.py::test_options_of_a_tmpfs[rstrictatime]": "1.1: binds only",
        "test_mounts.py::test_root_propagation[shared]": "1.1 forgets it after pivot_root",
        "test_mounts.py::test_root_propagation[rshared]": "1.1 forgets it after pivot_root",
        "test_mounts.py::test_root_propagation[unbindable]": "then cannot bind its own root",
        "test_mounts.py::TestModeOfATmpfs::test_existing_target[as said]": (
            "1.1: the target's mode wins over the option"
        ),
        "test_rootfs.py::TestDevices::test_existing_file_of_another_kind_is_an_error": (
            "keeps whatever is there"
        ),
        "test_rootfs.py::test_created_container_shows_no_interpreter": (
            "its init is a dynamic executable"
        ),
        "test_process.py::TestUser::test_umask_of_the_caller_does_not_matter": (
            "1.1 makes targets under the caller's umask"
        ),
        "test_process.py::TestRlimits::test_refused[twice]": "the last one wins",
        "test_process.py::TestPersonality::test_linux32": "no personality before 1.2",
        "test_process.py::TestPersonality::test_unknown": "no personality before 1.2",
        "test_seccomp.py::test_flags[flags1]": "no flags before 1.1.6",
        "test_seccomp.py::test_refused[flag]": "no flags before 1.1.6",
        "test_seccomp.py::test_refused[no names]": "takes an empty list",
        "test_seccomp.py::test_refused[errnoRet of an action without]": "ignores it",
        "test_hooks.py::test_order": "1.1 runs poststart at create",
        "test_hooks.py::test_moments": "1.1 runs poststart at create",
        "test_hooks.py::test_state_on_standard_input": "1.1 runs poststart at create",
        "test_hooks.py::TestCall::test_no_stray_descriptors": (
            "descriptors of its init reach createContainer and startContainer hooks"
        ),
        "test_hooks.py::TestFailure::test_ends_create": "1.1 does not name the hook",
        "test_hooks.py::TestFailure::test_timeout": "1.1 does not name the hook",
        "test_hooks.py::TestFailure::test_of_start_container_ends_the_program": (
            "start has succeeded by then, the error goes to the container's standard error"
        ),
        "test_hooks.py::TestFailure::test_of_poststart_ends_the_container": (
            "1.1 runs poststart at create"
        ),
        "test_hooks.py::TestFailure::test_of_poststop_is_a_warning": "1.1 does not name the hook",
        "test_cgroups.py::TestPath::test_of_another_container_is_refused": "1.1 only warns",
        "test_cgroups.py::TestMemory::test_half_a_megabyte_is_enough": (
            "its own init needs some 4 MB of the container's memory"
        ),
        "test_bad_input.py::TestBundle::test_broken_json": "names neither file, line nor column",
        "test_bad_input.py::TestBundle::test_no_object[create-null]": "1.1 dies of it",
        "test_bad_input.py::test_schema[create-version is none]": "never checks it",
        "test_bad_input.py::test_schema[create-version 2]": "never checks it",
        "test_bad_input.py::test_schema[create-relative cwd]": "1.1: a later message",
        "test_bad_input.py::test_schema[create-relative mask]": "takes it as from /",
        "test_bad_input.py::test_schema[create-relative read-only]": "takes it as from /",
        "test_bad_input.py::test_schema[create-oomScoreAdj]": "fails late, in several lines",
        "test_bad_input.py::TestBundle::test_no_object[run-null]": "1.1 dies of it",
        "test_bad_input.py::test_schema[run-version is none]": "never checks it",
        "test_bad_input.py::test_schema[run-version 2]": "never checks it",
        "test_bad_input.py::test_schema[run-relative cwd]": "1.1: a later message",
        "test_bad_input.py::test_schema[run-relative mask]": "takes it as from /",
        "test_bad_input.py::test_schema[run-relative read-only]": "takes it as from /",
        "test_bad_input.py::test_schema[run-oomScoreAdj]": "fails late, in several lines",
        "test_bad_input.py::test_every_mistake_is_told": "tells the first only",
        "test_bad_input.py::test_what_cannot_be_applied_is_an_error[terminal]": (
            "has terminals, and says so in other words"
        ),
        "test_bad_input.py::test_what_cannot_be_applied_is_an_error[scheduler]": "1.1 ignores it",
        "test_bad_input.py::test_what_cannot_be_applied_is_an_error[RDT]": "ignores it",
        "test_bad_input.py::TestRoot::test_is_the_root": "1.1 takes it",
        "test_bad_input.py::TestProgram::test_missing_elf_interpreter": "says ENOENT",
        "test_bad_input.py::TestProgram::test_missing_script_interpreter": "says ENOENT",
        "test_bad_input.py::TestMountOption::test_refused_by_the_kernel": (
            "says neither place nor the kernel's words"
        ),
    },
    "crun": {},
}


def reason(kind: str, node: str) -> str | None:
    """Why the test fails with this runtime; None if it should pass.

    `node` is ``test_mounts.py::TestBind::test_folder[x]``; a line without ``[...]`` is for all
    parameters of a test, one that ends with the class for all its tests.
    """
    table = DIFFERENCES.get(kind, {})
    name = node.split("[", maxsplit=1)[0]
    return table.get(node) or table.get(name) or table.get(name.rpartition("::")[0])
