package bench

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// ticksPerSecond is the unit of the times in /proc/<pid>/stat: USER_HZ, which is 100 on every Linux that Go runs on.
const ticksPerSecond = 100

// cpuTime is the processor time that a process has used, user and system, from /proc (proc_pid_stat(5)).
func cpuTime(pid int) (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, fmt.Errorf("read a process's time: %w; it needs Linux's /proc", err)
	}
	return parseStat(text)
}

// parseStat reads utime and stime. The name of the program may hold spaces and brackets, so fields are counted from the
// last bracket.
func parseStat(text []byte) (time.Duration, error) {
	const user, system = 11, 12
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) <= system {
		return 0, fmt.Errorf("read a process's time: found %d fields", len(fields))
	}
	var ticks int64
	for _, n := range []int{user, system} {
		t, err := strconv.ParseInt(fields[n], 10, 64)
		if err != nil {
			return 0, fmt.Errorf("read a process's time: %w", err)
		}
		ticks += t
	}
	return time.Duration(ticks) * time.Second / ticksPerSecond, nil
}

// residentBytes is the memory of a process that is in use, from /proc (proc_pid_status(5), VmRSS).
func residentBytes(pid int) (int64, error) { return statusBytes(pid, "VmRSS:") }

// peakMB is the most memory that a process had in use since forgetPeak, in MB (VmHWM).
func peakMB(pid int) (float64, error) {
	const mb = 1 << 20
	n, err := statusBytes(pid, "VmHWM:")
	return float64(n) / mb, err
}

// forgetPeak has a process count its most memory from now on (proc_pid_clear_refs(5)).
func forgetPeak(pid int) error {
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0); err != nil {
		return fmt.Errorf("forget the most memory of a process: %w; it needs Linux's /proc", err)
	}
	return nil
}

func statusBytes(pid int, name string) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, fmt.Errorf("read a process's memory: %w; it needs Linux's /proc", err)
	}
	return parseStatus(text, name)
}

func parseStatus(text []byte, name string) (int64, error) {
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) == 3 && fields[0] == name {
			kib, err := strconv.ParseInt(fields[1], 10, 64)
			if err != nil {
				return 0, fmt.Errorf("read a process's memory: %w", err)
			}
			return kib << 10, nil
		}
	}
	return 0, fmt.Errorf("read a process's memory: there is no %s", strings.TrimSuffix(name, ":"))
}

// loadAverage is how many processes wanted the processors in the last minute, from /proc (proc_loadavg(5)).
func loadAverage() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	load, _, _ := strings.Cut(string(text), " ")
	return load
}
