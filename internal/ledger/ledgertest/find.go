package ledgertest

import (
	"cmp"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"syscall"
	"testing"
)

// binaries is the folder of initdb and postgres, of the newest version that is installed: Debian keeps them out of PATH.
func binaries(t testing.TB) string {
	t.Helper()
	var folders []string
	for _, pattern := range []string{"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		folders = append(folders, found...)
	}
	slices.SortStableFunc(folders, func(a, b string) int { return cmp.Compare(majorVersion(b), majorVersion(a)) })
	if path, err := exec.LookPath("postgres"); err == nil {
		folders = append(folders, filepath.Dir(path))
	}
	for _, folder := range folders {
		if executable(filepath.Join(folder, "initdb")) && executable(filepath.Join(folder, "postgres")) {
			return folder
		}
	}
	const missing = "PostgreSQL's server (initdb and postgres) is not installed; on Debian and Ubuntu: apt-get install postgresql"
	if os.Getenv("CI") == "true" {
		t.Fatal(missing)
	}
	t.Skip(missing)
	return ""
}

func executable(path string) bool {
	_, err := exec.LookPath(path)
	return err == nil
}

// majorVersion is the first number in a folder's path; 0 for none.
func majorVersion(folder string) int {
	number, err := strconv.Atoi(regexp.MustCompile(`\d+`).FindString(folder))
	if err != nil {
		return 0
	}
	return number
}

// owner is whom the server runs as: nil for the user of the test, and the system's user "postgres" for root.
func owner(t testing.TB) *syscall.Credential {
	t.Helper()
	if os.Geteuid() != 0 {
		return nil
	}
	postgres, err := user.Lookup("postgres")
	if err != nil {
		t.Fatalf("PostgreSQL refuses to run as root, and there is no user to run it as: %v", err)
	}
	uid, err := strconv.ParseUint(postgres.Uid, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	gid, err := strconv.ParseUint(postgres.Gid, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}
