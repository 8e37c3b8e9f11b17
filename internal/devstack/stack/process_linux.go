package stack

import "syscall"

// ownGroup keeps the terminal's signals from a child, and has the kernel kill it when this program dies.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
