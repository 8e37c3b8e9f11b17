//go:build unix && !linux

package ledgertest

import "syscall"

// processAttributes runs a process as owner (nil for the same user).
func processAttributes(owner *syscall.Credential) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: owner}
}
