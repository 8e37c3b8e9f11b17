package access_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

func TestFailures(t *testing.T) {
	now := time.Date(2026, 11, 2, 3, 0, 0, 0, time.UTC)
	at := func(hours int) time.Time { return now.Add(-time.Duration(hours) * time.Hour) }
	failed := func(n int) []access.RunEnd {
		var runs []access.RunEnd
		for i := range n {
			runs = append(runs, access.RunEnd{At: at(i), Problem: "down"})
		}
		return runs
	}
	good, byHand, goesOn := access.RunEnd{At: at(1)}, access.RunEnd{At: at(0), Problem: "x", NotTried: true}, access.RunEnd{}
	for name, row := range map[string]struct {
		runs []access.RunEnd
		n    int
		wait time.Duration
	}{
		"none":                        {nil, 0, 0},
		"a good one":                  {append([]access.RunEnd{good}, failed(9)...), 0, 0},
		"too few":                     {append(failed(4), good), 4, 0},
		"five":                        {append(failed(5), good), 5, 30 * time.Minute},
		"six":                         {failed(6), 6, time.Hour},
		"nine":                        {failed(9), 9, 8 * time.Hour},
		"ten":                         {failed(10), 10, 12 * time.Hour},
		"fifty":                       {failed(50), 50, 12 * time.Hour},
		"by hand between":             {append([]access.RunEnd{byHand, goesOn}, failed(5)...), 5, 30 * time.Minute},
		"by hand ended well":          {append([]access.RunEnd{{At: at(0), NotTried: true}}, failed(5)...), 0, 0},
		"one goes on before a failed": {append([]access.RunEnd{goesOn}, failed(2)...), 2, 0},
	} {
		t.Run(name, func(t *testing.T) {
			f := access.FailuresOf(row.runs)
			require.Equal(t, row.n, f.InARow)
			if row.wait == 0 {
				require.Zero(t, f.Until())
				return
			}
			require.Equal(t, now.Add(row.wait), f.Until())
			require.Equal(t, "down", f.Problem)
		})
	}
}
