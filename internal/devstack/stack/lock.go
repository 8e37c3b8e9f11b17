package stack

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

const lockFile = "lock"

// lockDir holds the folder for this program alone until the file is closed, or the program dies: two servers on one
// database would ruin it.
func lockDir(dir string) (*os.File, error) {
	file, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("start the stack: %w", err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = file.Close()
		holder := "another program"
		if state, err := ReadState(dir); err == nil {
			holder = fmt.Sprintf("the program with pid %d", state.Pids.Stack)
		}
		return nil, fmt.Errorf("a stack runs in %s already; %s holds it", dir, holder)
	}
	return file, nil
}

// Running reports whether a program holds the stack of a folder. A stack that was killed holds nothing, though its state
// file is still there.
func Running(dir string) bool {
	file, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_RDWR, 0o644)
	if err != nil {
		return false
	}
	held := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil
	// Closing returns the lock back.
	return file.Close() != nil || held
}
