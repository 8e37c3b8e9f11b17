package stack

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// childEnv makes this test's binary play one of the children.
const childEnv = "STACK_TEST_CHILD"

func TestMain(m *testing.M) {
	switch os.Getenv(childEnv) {
	case "":
		os.Exit(m.Run())
	case "waits":
		fmt.Println("I wait")
		stop := make(chan os.Signal, 1)
		signal.Notify(stop, syscall.SIGTERM)
		<-stop
		fmt.Println("I end")
	case "is deaf":
		signal.Ignore(syscall.SIGTERM)
		fmt.Println("I wait")
		select {}
	case "fails":
		fmt.Println("I cannot work: no key")
		os.Exit(3)
	case "has a child":
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), childEnv+"=waits")
		child.Stdout = os.Stdout
		if child.Start() == nil {
			fmt.Println("child", child.Process.Pid)
		}
		select {}
	case "starts and dies":
		p, err := startProcess(command{path: os.Args[0], env: []string{childEnv + "=waits"}, log: os.Getenv("LOG")})
		if err == nil {
			fmt.Println(p.pid)
		}
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	}
}

// said collects what a service tells.
type said struct {
	mu    sync.Mutex
	lines []string
}

func (s *said) say(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, fmt.Sprintf(format, args...))
}

func (s *said) all() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.lines, "\n")
}

func child(t *testing.T, plays string) (*service, *said) {
	t.Helper()
	told := &said{}
	log := filepath.Join(t.TempDir(), "log", "child.log")
	s := &service{
		name: "child", within: 10 * time.Second, say: told.say, changed: func() {},
		command: command{path: os.Args[0], env: []string{childEnv + "=" + plays}, log: log},
	}
	if plays != "fails" {
		s.ready = func(context.Context) error {
			if !strings.Contains(tail(log, 100), "I wait") {
				return fmt.Errorf("has said nothing")
			}
			return nil
		}
	}
	t.Cleanup(s.crash)
	return s, told
}

// gone reports that there is no process of that id, or only what its parent has not collected yet.
func gone(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return true
	}
	status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err == nil && strings.Contains(string(status), ") Z ")
}

func TestChild_supervised(t *testing.T) {
	s, told := child(t, "waits")
	s.supervised = true
	require.NoError(t, s.start(t.Context()))
	first := s.pid()
	require.NotZero(t, first)
	require.NoError(t, syscall.Kill(first, syscall.SIGKILL))
	require.Eventually(t, func() bool { now := s.pid(); return now != 0 && now != first }, 10*time.Second, 10*time.Millisecond)
	require.Eventually(t, func() bool { return strings.Contains(told.all(), "started again as pid "+strconv.Itoa(s.pid())) },
		10*time.Second, 10*time.Millisecond)
	require.Contains(t, told.all(), fmt.Sprintf("child (pid %d) ended: signal: killed", first))
	second := s.pid()
	s.stop(t.Context())
	require.Zero(t, s.pid())
	require.True(t, gone(second))
}

func TestChild_not_supervised(t *testing.T) {
	s, told := child(t, "waits")
	require.NoError(t, s.start(t.Context()))
	pid := s.pid()
	require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
	require.Eventually(t, func() bool { return strings.Contains(told.all(), "signal: killed") }, 10*time.Second, 10*time.Millisecond)
	require.Zero(t, s.pid())
	require.NoError(t, s.start(t.Context()), "it can be started by hand")
	require.NotEqual(t, pid, s.pid())
}

func TestStopLetsTheChildFinish(t *testing.T) {
	s, told := child(t, "waits")
	s.supervised = true
	require.NoError(t, s.start(t.Context()))
	pid := s.pid()
	s.stop(t.Context())
	require.True(t, gone(pid))
	require.Contains(t, tail(s.command.log, 5), "I end")
	require.Empty(t, told.all(), "a stop is no death")
	s.stop(t.Context())
}

func TestStop_kills(t *testing.T) {
	s, _ := child(t, "is deaf")
	require.NoError(t, s.start(t.Context()))
	pid := s.pid()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s.stop(ctx)
	require.True(t, gone(pid))
}

func TestStop_children(t *testing.T) {
	s, _ := child(t, "has a child")
	require.NoError(t, s.start(t.Context()))
	var grandchild int
	require.Eventually(t, func() bool {
		_, after, found := strings.Cut(tail(s.command.log, 100), "child ")
		if !found {
			return false
		}
		_, err := fmt.Sscan(after, &grandchild)
		return err == nil
	}, 10*time.Second, 10*time.Millisecond)
	s.crash()
	require.Eventually(t, func() bool { return gone(grandchild) }, 10*time.Second, 10*time.Millisecond)
}

func TestFailedStartShowsTheLog(t *testing.T) {
	s, _ := child(t, "fails")
	s.ready = func(context.Context) error { return fmt.Errorf("not yet") }
	err := s.start(t.Context())
	require.ErrorContains(t, err, "exit status 3")
	require.ErrorContains(t, err, "I cannot work: no key")
	require.Zero(t, s.pid())
}

func TestChildDiesWithItsParent(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the parent-death signal exists on Linux only")
	}
	parent := exec.Command(os.Args[0])
	parent.Env = []string{childEnv + "=starts and dies", "LOG=" + filepath.Join(t.TempDir(), "log")}
	out, err := parent.Output()
	require.Error(t, err, "it kills itself")
	var pid int
	_, err = fmt.Sscan(string(out), &pid)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return gone(pid) }, 10*time.Second, 10*time.Millisecond)
}

func TestPort_taken(t *testing.T) {
	taken, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, taken.Close()) })
	told := &said{}
	p := &ports{fixed: true, say: told.say}
	address, err := p.pick(t.Context(), "the API", taken.Addr().(*net.TCPAddr).Port)
	require.NoError(t, err)
	require.NotEqual(t, taken.Addr().String(), address)
	require.Contains(t, told.all(), "is taken; the API uses "+address)
	wished, err := freeAddress(t.Context())
	require.NoError(t, err)
	port, err := strconv.Atoi(portOf(wished))
	require.NoError(t, err)
	address, err = p.pick(t.Context(), "the UI", port)
	require.NoError(t, err)
	require.Equal(t, wished, address)
	again, err := p.pick(t.Context(), "another", port)
	require.NoError(t, err)
	require.NotEqual(t, wished, again, "a port is given once")
}

func TestFreePortsIgnoreTheWish(t *testing.T) {
	told := &said{}
	p := &ports{say: told.say}
	address, err := p.pick(t.Context(), "the API", PortAPI)
	require.NoError(t, err)
	require.NotEqual(t, strconv.Itoa(PortAPI), portOf(address))
	require.Empty(t, told.all())
}

func TestFolderHasOneStack(t *testing.T) {
	dir := t.TempDir()
	require.False(t, Running(dir))
	lock, err := lockDir(dir)
	require.NoError(t, err)
	require.NoError(t, writeState(dir, State{Pids: Pids{Stack: 4711}}))
	require.True(t, Running(dir))
	_, err = Start(t.Context(), Options{Dir: dir, Root: dir})
	require.ErrorContains(t, err, "the program with pid 4711 holds it")
	require.NoError(t, lock.Close())
	require.False(t, Running(dir))
}
