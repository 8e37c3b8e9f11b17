package httpapi

import (
	"strings"

	"github.com/google/uuid"

	"usher/internal/access"
)

// keyPrefix begins the ids that come from an Idempotency-Key. No client may choose such an id, so that nobody can take the id of a key before its
// caller does.
const keyPrefix = "key-"

// keyedID returns the id that an Idempotency-Key stands for, in what it names: a key counts for its caller alone. The caller is the verified one.
func keyedID(what string, caller access.PersonID, key string) string {
	return keyPrefix + uuid.NewSHA1(uuid.NameSpaceURL, []byte("urn:usher:"+what+"\x00"+string(caller)+"\x00"+key)).String()
}

// chosenID refuses an id that a client must not choose: of those that its pattern allows.
func chosenID(id string) []error {
	switch {
	case id == "." || id == "..":
		return []error{fieldError("body.id", "expected an id that can stand in a path, neither . nor ..")}
	case strings.HasPrefix(id, keyPrefix):
		return []error{fieldError("body.id", "expected an id that does not begin with "+keyPrefix+": those come from an Idempotency-Key")}
	}
	return nil
}
