package ledgertest

import "syscall"

// processAttributes runs a process as owner (nil for the same user). The system ends it when the test binary dies
// without its cleanups, by a fast shutdown.
func processAttributes(owner *syscall.Credential) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: owner, Pdeathsig: syscall.SIGINT}
}
