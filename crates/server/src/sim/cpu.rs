//! CPU time of a process, as the kernel counts it.

/// Units of a second in `/proc/PID/stat`: USER_HZ, which is 100 on every architecture that dinrail is built for.
const TICKS_PER_SECOND: f64 = 100.0;

/// Fields of `/proc/PID/stat` between the end of the program's name and utime [proc_pid_stat(5)].
const FIELDS_BEFORE_UTIME: usize = 11;

/// Seconds that a process has computed, in user and kernel mode, all threads together; this process without an id.
/// None if there is no such process.
pub(super) fn seconds(pid: Option<u32>) -> Option<f64> {
    let process = pid.map_or_else(|| "self".to_owned(), |pid| pid.to_string());
    parse(&std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?)
}

fn parse(stat: &str) -> Option<f64> {
    // The name may have spaces and brackets of its own.
    let (_, fields) = stat.rsplit_once(')')?;
    let ticks = fields.split_ascii_whitespace().skip(FIELDS_BEFORE_UTIME).take(2);
    let ticks = ticks.map(|field| field.parse::<u64>().ok()).collect::<Option<Vec<_>>>()?;
    (ticks.len() == 2).then(|| ticks.iter().sum::<u64>() as f64 / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_and_kernel_time_are_found_behind_any_name() {
        let stat = "42 (a) b (c) S 1 42 42 0 -1 4194304 100 0 0 0 150 50 0 0 20 0 3 0 1000 0 0";
        assert_eq!(parse(stat), Some(2.0));
        assert_eq!(parse("42 (x) S 1"), None);
    }

    #[test]
    fn this_process_has_a_time_and_one_that_is_not_there_has_none() {
        assert!(seconds(None).is_some());
        assert!(seconds(Some(u32::MAX)).is_none());
    }
}
