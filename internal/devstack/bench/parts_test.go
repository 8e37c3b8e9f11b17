package bench

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPartsAreChosen(t *testing.T) {
	all := []string{PartLeases, PartCount, PartThroughput, PartWaiting, PartSync, PartSyncDelta}
	for only, measured := range map[string][]string{
		"": all, PartLeases: {PartLeases}, PartCount: {PartCount}, PartThroughput: {PartThroughput}, PartWaiting: {PartWaiting},
		PartSync: {PartSync, PartSyncDelta}, PartSyncDelta: {PartSyncDelta},
	} {
		t.Run("ONLY="+only, func(t *testing.T) {
			r := &run{options: Options{Only: only}, out: &bytes.Buffer{}}
			var found []string
			for _, name := range all {
				require.NoError(t, r.part(t.Context(), name, name, func(context.Context) error {
					found = append(found, name)
					return nil
				}))
			}
			require.Equal(t, measured, found)
		})
	}
}

func TestPartsAreChosen_unknown(t *testing.T) {
	require.ErrorContains(t, Run(t.Context(), Options{Only: "delta"}), `"sync-delta"`)
}

func TestSyncDelta_missing(t *testing.T) {
	missing := errors.New("the directory is missing: install it")
	t.Run("on somebody's machine", func(t *testing.T) {
		t.Setenv("CI", "")
		var out bytes.Buffer
		r := &run{out: &out, figures: figures{}}
		require.NoError(t, r.leaveOut(missing))
		require.Contains(t, out.String(), "LEFT OUT: the directory is missing: install it")
		r.end()
		for _, name := range deltaFigures {
			require.Contains(t, figureNames, name)
			require.Contains(t, out.String(), name+" n/a (the directory is missing: install it)\n")
		}
		require.Len(t, r.notes, 1)
	})
	t.Run("where everything has to be installed", func(t *testing.T) {
		t.Setenv("CI", "true")
		r := &run{out: &bytes.Buffer{}, figures: figures{}}
		require.ErrorIs(t, r.leaveOut(missing), missing)
	})
}
