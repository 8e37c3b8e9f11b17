package csvfeed

import (
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/people"
)

// FuzzFile: a file is people or an error that says whether another reading may help, whatever its bytes.
func FuzzFile(f *testing.F) {
	for _, text := range []string{
		"id,login\n1,ana\n#END\n", "\xEF\xBB\xBFid;login\r\n1;\"a\r\nb\"\r\n#END", "id,login\n\"1,ana\n#END\n", "id,id\n1,1\n#END\n", "#END\n", "", "\xff\xfe",
		"\xff\xfei\x00d\x00,\x00l\x00o\x00g\x00i\x00n\x00\n\x00#\x00E\x00N\x00D\x00", "<!doctype html>", "id,login\n\xff,x\n#END\n", "TRAILER,1\n",
	} {
		f.Add([]byte(text))
	}
	var sources []*Source
	for _, c := range []Config{
		{Whole: Whole{EndMarker: "#END"}}, {Whole: Whole{EndMarker: "#END"}, Encoding: UTF16}, {Whole: Whole{Trailer: "TRAILER"}, Encoding: Windows1252, Delimiter: "semicolon"},
	} {
		c.Path, c.Fields = "/people.csv", people.Fields{ID: "id", UserName: "login"}
		s, err := NewSource(c)
		require.NoError(f, err)
		sources = append(sources, s)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, s := range sources {
			table, proof, err := s.people(t.Context(), "list people", raw)
			if err != nil {
				require.True(t, access.IsKind(err, access.Invalid) || access.IsKind(err, access.Transient), err)
				continue
			}
			require.NotNil(t, table)
			require.NotEmpty(t, proof)
		}
	})
}
