"""Where runc and crun legitimately do something else than pyrunc, and why.

The tests say what pyrunc does. A test listed here is expected to fail with that other
runtime; with runc strictly: if it passes, the line is out of date. Versions: runc 1.1,
crun 1.8 (Debian 12).
"""

from __future__ import annotations

DIFFERENCES: dict[str, dict[str, str]] = {
    "runc": {
        "test_activation.py::test_missing": "1.1 hands over its own",
        "test_activation.py::test_none_are_announced[-1]": "1.1 panics",
        "test_run.py::test_streams_are_the_callers_own": "copies",
        "test_run.py::TestSignalsDuringRun::test_every_one_is_forwarded": (
            "loses some that its Go runtime takes"
        ),
        "test_run.py::TestSignalsDuringRun::test_real_time_signals_are[34]": (
            "its Go runtime takes this one"
        ),
        "test_run.py::TestSignalsDuringRun::test_those_about_ourselves_are_not[23]": (
            "1.1 forwards SIGURG"
        ),
        "test_run.py::TestDescriptors::test_preserved_must_be_open": "1.1 hands over its own",
        "test_run.py::TestOddCallers::test_ignored_and_blocked_signals_are_reset": (
            "keeps blocked signals blocked"
        ),
        "test_pidfd_socket.py::test_create": "no --pidfd-socket before 1.2",
        "test_pidfd_socket.py::test_detached_run": "no --pidfd-socket before 1.2",
        "test_pidfd_socket.py::test_foreground_run": "no --pidfd-socket before 1.2",
        "test_pidfd_socket.py::test_nobody_listens": "no --pidfd-socket before 1.2",
        "test_terminal.py::TestSize::test_console_size[stays]": "a size of nothing wins",
        "test_terminal.py::TestEnd::test_signals_are_forwarded[2-22]": (
            "leaves at once on SIGINT, and the container behind"
        ),
        "test_exec_terminal.py::test_hang_up": "does not tell the program",
        "test_terminal.py::TestEnd::test_hang_up": "does not tell the program",
        "test_console_socket.py::test_no_devpts_of_its_own[a_linked_ptmx]": (
            "opens /dev/ptmx by name, wherever that leads"
        ),
        "test_console_socket.py::TestConsoleOfTheImage::test_a_link_is_not_followed": (
            "1.1 follows and empties it"
        ),
        "test_console_socket.py::TestConsoleOfTheImage::test_a_file_is_covered_and_kept": (
            "1.1 empties it"
        ),
        "test_console_socket.py::TestConsoleOfTheImage::"
        "test_the_hosts_console_is_not_covered_without_a_mount_namespace": (
            "needs a mount namespace"
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
        "test_signals.py::test_init_killed_in_a_hook_is_not_started": (
            "start has succeeded by then"
        ),
        "test_systemd.py::test_limits[shares]": "1.1 converts shares by the old formula",
        "test_systemd.py::test_limits[idle]": "no cpu.idle before 1.2",
        "test_systemd.py::TestTiny::test_memory": "its own init needs more",
        "test_systemd.py::TestUpdate::test_values": "1.1 converts shares by the old formula",
        "test_systemd.py::TestUpdate::test_is_all_or_nothing": "the limit stays changed",
        "test_cgroups.py::TestPath::test_of_another_container_is_refused": "1.1 only warns",
        "test_cgroups.py::TestMemory::test_half_a_megabyte_is_enough": (
            "its own init needs some 4 MB of the container's memory"
        ),
        "test_attributes.py::TestScheduler::test_is_set": "no scheduler before 1.2",
        "test_attributes.py::TestScheduler::test_real_time": "no scheduler before 1.2",
        "test_attributes.py::TestScheduler::test_deadline": "no scheduler before 1.2",
        "test_attributes.py::TestScheduler::test_refused_by_the_kernel": "no scheduler before 1.2",
        "test_attributes.py::TestScheduler::test_refused": "no scheduler before 1.2",
        "test_attributes.py::TestIoPriority::test_is_set": "no I/O priority before 1.2",
        "test_attributes.py::TestIoPriority::test_refused": "no I/O priority before 1.2",
        "test_attributes.py::TestCpus::test_those_of_the_caller_do_not_matter": (
            "1.1 keeps those of the caller"
        ),
        "test_attributes.py::TestCpus::test_refused": "no execCPUAffinity before 1.3",
        "test_attributes.py::TestPersonality::test_machine[LINUX32-i686]": (
            "no personality before 1.2"
        ),
        "test_attributes.py::TestLabels::test_not_on_this_host[AppArmor]": "says so in other words",
        "test_pause.py::TestPaused::test_shared_pid_namespace[words0]": (
            "1.1 kills init alone, unless it is told --all"
        ),
        "test_ps.py::test_without_an_environment": "then finds no ps",
        "test_lifecycle.py::TestKill::test_what_outlives_init[words2]": (
            "1.1 kills init alone, unless it is told --all"
        ),
        "test_lifecycle.py::TestKill::test_all_is_for_init_alone_otherwise": (
            "1.1 signals every process"
        ),
        "test_update.py::test_options_of_today[words0-expected0]": "no --cpu-burst before 1.2",
        "test_update.py::test_options_of_today[words1-expected1]": "no --cpu-idle before 1.2",
        "test_update.py::test_options_of_today[words2-expected2]": "0 is no change in 1.1",
        "test_update.py::test_an_idle_container_has_no_weight": "no --cpu-idle before 1.2",
        "test_update.py::test_real_time": "sets the new values again for the old ones",
        "test_update.py::TestStored::test_memory_does_not_fit_the_swap_of_before": (
            "leaves it to the v1 kernel to refuse"
        ),
        "test_update.py::TestResources::test_unknown_members_and_nulls": "1.1 dies of a null",
        "test_update.py::TestResources::test_other_devices_are_a_warning": "says nothing",
        "test_update.py::TestResources::test_throttles_are_kept_by_device": "1.1 ignores devices",
        "test_update.py::test_refused[words0-invalid value for memory: invalid suffix: 'x']": (
            "1.1 has other words for it"
        ),
        "test_update.py::test_refused[words8-]": "sets the new values again for the old ones",
        "test_events.py::TestStats::test_huge_pages": "uses nothing of v2 on a hybrid host",
        "test_events.py::TestStream::test_ends_with_the_container": (
            "goes on until the cgroup is removed"
        ),
        "test_exec.py::TestDetached::test_pidfd_socket": "no --pidfd-socket before 1.2",
        "test_exec.py::TestOptions::test_no_user[4294967296]": "1.1 makes it root",
        "test_exec.py::TestOptions::test_bundle_is_gone": "wants config.json to be there",
        "test_exec.py::TestOptions::test_limits_and_oom_score": "1.1 forgets the umask",
        "test_exec.py::TestFile::test_refused": "names neither file nor field",
        "test_exec.py::TestFile::test_no_process": "names neither file, line nor column",
        'test_exec.py::TestProgram::test_not_found[/etc-exec: "/etc": is a directory]': (
            "1.1 says permission denied alone"
        ),
        "test_exec.py::test_affinity": "none before 1.2",
        "test_exec.py::TestProgram::test_execve_fails": "leaves it to the container's output",
        "test_exec.py::TestJoined::test_namespaces[time]": "no time namespaces before 1.2",
        "test_exec.py::TestJoined::test_namespaces[all]": "no time namespaces before 1.2",
        "test_exec.py::TestJoined::test_time_goes_on": "no time namespaces before 1.2",
        "test_exec.py::TestJoined::test_pod_member": "1.1 asks for mappings beside the path",
        "test_exec.py::TestJoined::test_root_without_a_mount_namespace": (
            "wants a /proc in the root"
        ),
        "test_exec.py::TestCgroup::test_last_process_of_a_limit": "its threads count",
        "test_exec.py::TestCgroup::test_refused[options0-bad sub cgroup path]": "other words",
        "test_exec.py::TestCgroup::test_refused[options3-empty <controller> prefix]": (
            "1.1 looks for it everywhere"
        ),
        "test_exec.py::TestCgroup::test_refused[options4-controller pids specified multiple]": (
            "1.1 takes the last"
        ),
        "test_bad_input.py::TestBundle::test_broken_json": "names neither file, line nor column",
        "test_bad_input.py::TestBundle::test_no_object[create-null]": "1.1 dies of it",
        "test_bad_input.py::test_schema[create-version is none]": "never checks it",
        "test_bad_input.py::test_schema[create-version 2]": "never checks it",
        "test_bad_input.py::test_schema[create-relative mask]": "takes it as from /",
        "test_bad_input.py::test_schema[create-relative read-only]": "takes it as from /",
        "test_bad_input.py::test_schema[create-oomScoreAdj]": "fails late, in several lines",
        "test_bad_input.py::TestBundle::test_no_object[run-null]": "1.1 dies of it",
        "test_bad_input.py::test_schema[run-version is none]": "never checks it",
        "test_bad_input.py::test_schema[run-version 2]": "never checks it",
        "test_bad_input.py::test_schema[run-relative mask]": "takes it as from /",
        "test_bad_input.py::test_schema[run-relative read-only]": "takes it as from /",
        "test_bad_input.py::test_schema[run-oomScoreAdj]": "fails late, in several lines",
        "test_bad_input.py::test_every_mistake_is_told": "tells the first only",
        "test_bad_input.py::test_what_cannot_be_applied_is_an_error[scheduler]": "1.1 ignores it",
        "test_bad_input.py::test_what_cannot_be_applied_is_an_error[RDT]": "ignores it",
        "test_bad_input.py::TestRoot::test_is_the_root": "1.1 takes it",
        "test_bad_input.py::TestProgram::test_missing_elf_interpreter": "says ENOENT",
        "test_bad_input.py::TestProgram::test_missing_script_interpreter": "says ENOENT",
        "test_bad_input.py::TestMountOption::test_refused_by_the_kernel": (
            "says neither place nor the kernel's words"
        ),
    },
}

# crun differs in so much that its tests stand together by reason; one that has parameters may
# pass with some of them.
CRUN: dict[str, tuple[str, ...]] = {
    "a command line and documents of its own": (
        "test_lifecycle.py::TestDelete::test_force_after_the_id",
        "test_lifecycle.py::TestDelete::test_running_is_refused",
        "test_lifecycle.py::TestKill::test_of_a_stopped_container",
        "test_lifecycle.py::TestKill::test_unknown_signal",
        "test_lifecycle.py::TestLog::test_in_a_missing_folder_is_an_error",
        "test_lifecycle.py::TestLog::test_json_for_engines",
        "test_lifecycle.py::TestLog::test_text",
        "test_lifecycle.py::TestLog::test_unknown_format",
        "test_lifecycle.py::TestPidFile::test_in_a_missing_folder_is_an_error",
        "test_lifecycle.py::TestPidFile::test_relative_is_to_the_callers_folder",
        "test_lifecycle.py::TestWrongMoment::test_absent",
        "test_lifecycle.py::TestWrongMoment::test_id_is_taken",
        "test_lifecycle.py::TestWrongMoment::test_id_is_taken_by_a_folder",
        "test_lifecycle.py::TestWrongMoment::test_start_of_a_stopped_one",
        "test_lifecycle.py::TestWrongMoment::test_start_twice",
        "test_lifecycle.py::test_a_life",
        "test_lifecycle.py::test_a_zombie_is_stopped",
        "test_lifecycle.py::test_state_is_runcs_document",
        "test_listing.py::TestFeatures::test_bare",
        "test_listing.py::TestFeatures::test_what_engines_look_at",
        "test_listing.py::TestList::test_empty_table_has_its_heading",
        "test_listing.py::TestList::test_json",
        "test_listing.py::TestList::test_json_of_nothing",
        "test_listing.py::TestList::test_quiet",
        "test_listing.py::TestList::test_table",
        "test_listing.py::TestList::test_unknown_format",
        "test_listing.py::TestSpec::test_existing_file_is_kept",
        "test_listing.py::TestSpec::test_keys_are_runcs",
        "test_listing.py::TestSpec::test_rootless",
        "test_listing.py::TestUsage::test_booleans",
        "test_listing.py::TestUsage::test_help",
        "test_listing.py::TestUsage::test_missing_value",
        "test_listing.py::TestUsage::test_no_command_is_help",
        "test_listing.py::TestUsage::test_number_of_arguments",
        "test_listing.py::TestUsage::test_spellings",
        "test_listing.py::TestUsage::test_systemd_cgroup_is_an_error_here",
        "test_listing.py::TestUsage::test_unknown_command",
        "test_listing.py::TestUsage::test_unknown_option",
        "test_listing.py::TestVersion::test_first_line",
        "test_listing.py::test_default_root_and_xdg",
        "test_pause.py::TestWrongMoment::test_absent",
        "test_pause.py::TestWrongMoment::test_resume_of_what_runs",
        "test_pause.py::TestWrongMoment::test_stopped",
        "test_pause.py::TestWrongMoment::test_twice",
        "test_pause.py::test_created",
        "test_pause.py::test_many_at_once",
        "test_ps.py::test_absent",
        "test_ps.py::test_json",
        "test_ps.py::test_options_of_ps",
        "test_ps.py::test_paused",
        "test_ps.py::test_ps_fails",
        "test_ps.py::test_stopped",
        "test_ps.py::test_table",
        "test_ps.py::test_unknown_format",
        "test_ps.py::test_without_a_pid_column",
        "test_ps.py::test_without_an_environment",
    ),
    "update: plain integers, no merging, nothing stored": (
        "test_update.py::TestMoments::test_absent",
        "test_update.py::TestMoments::test_stopped",
        "test_update.py::TestResources::test_other_devices_are_a_warning",
        "test_update.py::TestResources::test_throttles_are_kept_by_device",
        "test_update.py::TestResources::test_unified_on_v1",
        "test_update.py::TestResources::test_unknown_members_and_nulls",
        "test_update.py::TestResources::test_what_is_no_resources",
        "test_update.py::TestStored::test_memory_does_not_fit_the_swap_of_before",
        "test_update.py::TestStored::test_quota_and_period_belong_together",
        "test_update.py::test_all_or_nothing",
        "test_update.py::test_an_idle_container_has_no_weight",
        "test_update.py::test_growing_and_shrinking",
        "test_update.py::test_kernel_memory_is_a_warning",
        "test_update.py::test_many_at_once",
        "test_update.py::test_memory_below_what_is_in_use",
        "test_update.py::test_options",
        "test_update.py::test_options_of_today",
        "test_update.py::test_real_time",
        "test_update.py::test_refused",
    ),
    "fewer checks, other words, not always one line": (
        "test_bad_input.py::TestBundle::test_broken_json",
        "test_bad_input.py::TestBundle::test_no_bundle",
        "test_bad_input.py::TestBundle::test_no_config",
        "test_bad_input.py::TestBundle::test_no_rootfs",
        "test_bad_input.py::TestFailureLeavesNothing::test_error_of_create_in_the_json_log",
        "test_bad_input.py::TestId::test_invalid",
        "test_bad_input.py::TestMountOption::test_refused_by_the_kernel",
        "test_bad_input.py::TestProgram::test_missing_elf_interpreter",
        "test_bad_input.py::TestProgram::test_missing_script_interpreter",
        "test_bad_input.py::TestProgram::test_no_format",
        "test_bad_input.py::TestProgram::test_not_executable",
        "test_bad_input.py::TestRoot::test_is_the_root",
        "test_bad_input.py::test_every_mistake_is_told",
        "test_bad_input.py::test_schema",
        "test_bad_input.py::test_what_cannot_be_applied_is_an_error",
        "test_hooks.py::TestFailure::test_ends_create",
        "test_hooks.py::TestFailure::test_killed_by_a_signal",
        "test_hooks.py::TestFailure::test_message_is_one_line",
        "test_hooks.py::TestFailure::test_missing_program",
        "test_hooks.py::TestFailure::test_timeout",
        "test_mounts.py::TestBind::test_file_on_a_folder",
        "test_mounts.py::TestRefused::test_unknown_option",
        "test_mounts.py::TestRefused::test_unknown_root_propagation",
        "test_namespaces.py::TestRefused::test_a_kind_twice",
        "test_namespaces.py::TestRefused::test_entries",
        "test_namespaces.py::TestRefused::test_mappings_without_a_user_namespace",
        "test_namespaces.py::TestRefused::test_mounts_without_a_mount_namespace",
        "test_namespaces.py::TestRefused::test_time_offsets_without_a_time_namespace",
        "test_process.py::TestEnvironment::test_refused",
        "test_process.py::TestFindingTheProgram::test_as_the_containers_user",
        "test_process.py::TestFindingTheProgram::test_reported_by_create",
        "test_process.py::TestFindingTheProgram::test_without_a_path_only_slashes",
        "test_process.py::TestRlimits::test_refused",
        "test_process.py::TestWorkingDirectory::test_refused",
        "test_rootfs.py::TestDevices::test_unknown_type",
        "test_rootfs.py::TestRootPath::test_missing",
        "test_seccomp.py::test_refused",
    ),
    "other moments, other states and effects of hooks": (
        "test_hooks.py::TestCall::test_without_reading_the_state",
        "test_hooks.py::TestFailure::test_of_poststart_ends_the_container",
        "test_hooks.py::TestFailure::test_of_poststop_is_a_warning",
        "test_hooks.py::TestFailure::test_of_start_container_ends_the_program",
        "test_hooks.py::TestFailure::test_relative_path_is_refused",
        "test_hooks.py::test_order",
        "test_hooks.py::test_state_on_standard_input",
    ),
    "no time namespaces in 1.8": (
        "test_namespaces.py::TestIsolation::test_time",
        "test_namespaces.py::TestJoined::test_time_by_path",
    ),
    "other table of mount options, other modes of what it makes": (
        "test_mounts.py::TestBind::test_folder_on_a_new_path",
        "test_mounts.py::TestBind::test_recursive_attributes",
        "test_mounts.py::TestKinds::test_second_proc_elsewhere",
        "test_mounts.py::TestModeOfATmpfs::test_existing_target",
        "test_mounts.py::TestNoPivot::test_with_a_private_root_is_refused",
        "test_mounts.py::TestTargetsStayInside::test_over_proc",
        "test_mounts.py::test_options_of_a_tmpfs",
        "test_mounts.py::test_options_of_the_superblock",
        "test_mounts.py::test_propagation",
    ),
    "other defaults and fewer checks": (
        "test_cgroups.py::TestCpu::test_v1",
        "test_cgroups.py::TestPath::test_of_another_container_is_refused",
        "test_cgroups.py::TestPids::test_unlimited",
        "test_endurance.py::test_failures_add_up_to_nothing",
        "test_namespaces.py::test_new",
        "test_pidfd_socket.py::test_create",
        "test_pidfd_socket.py::test_detached_run",
        "test_pidfd_socket.py::test_foreground_run",
        "test_pidfd_socket.py::test_nobody_listens",
        "test_process.py::TestCapabilities::test_unknown_name_is_a_warning",
        "test_process.py::TestEnvironment::test_home",
        "test_process.py::TestKeyring::test_of_its_own",
        "test_process.py::TestUser::test_umask_of_the_caller_does_not_matter",
        "test_rootfs.py::TestDevices::test_existing_file_of_another_kind_is_an_error",
        "test_rootfs.py::TestReadonlyPaths::test_flags_of_the_mount_are_kept",
        "test_rootfs.py::test_created_container_shows_no_interpreter",
        "test_run.py::TestDescriptors::test_closed_streams",
        "test_run.py::TestDescriptors::test_preserved_must_be_open",
        "test_run.py::TestOddCallers::test_root_with_a_relative_path",
        "test_run.py::test_keep",
    ),
}


def reason(kind: str, node: str) -> str | None:
    """Why the test fails with this runtime; None if it should pass.

    `node` is ``test_mounts.py::TestBind::test_folder[x]``; a line without ``[...]`` is for all
    parameters of a test.
    """
    name = node.split("[", maxsplit=1)[0]
    if kind == "crun":
        return next((why for why, names in CRUN.items() if name in names), None)
    table = DIFFERENCES.get(kind, {})
    return table.get(node) or table.get(name)


def is_strict(kind: str) -> bool:
    """Whether a test that is listed and passes is an error."""
    return kind != "crun"
