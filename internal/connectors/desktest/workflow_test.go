package desktest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/connectors/desktest"
)

var resolution = desktest.ScreenField{ID: "resolution", Required: true}

func TestWorkflow_transitions(t *testing.T) {
	w := desktest.DefaultWorkflow(resolution)
	for _, s := range w.Statuses {
		require.Equal(t, s, w.Status(s.ID))
		require.NotEmpty(t, w.Available(s.Name), s.Name)
	}
	require.Zero(t, w.Status("9"))
	approve, err := w.Way("waiting FOR approval", "approved")
	require.NoError(t, err)
	require.Equal(t, "11", approve.ID)
	_, err = w.Way(desktest.StatusDenied, desktest.StatusApproved)
	require.EqualError(t, err, `cannot be moved to "Approved". Possible: "Won't do", "Waiting for approval"`)
	_, known := w.Transition("99")
	require.False(t, known)
	done, known := w.Transition("41")
	require.True(t, known)
	on, is := done.ScreenField("resolution")
	require.True(t, is)
	require.Equal(t, resolution, on)
	_, is = approve.ScreenField("resolution")
	require.False(t, is)
	require.True(t, desktest.Transition{}.Leaves("anything"))
}

func TestVariants(t *testing.T) {
	w := desktest.DefaultWorkflow(resolution)
	two := w.WithTwoStepClose()
	first, err := two.Way(desktest.StatusApproved, "Done (to confirm)")
	require.NoError(t, err)
	require.Empty(t, first.Screen)
	second, err := two.Way("Done (to confirm)", desktest.StatusDone)
	require.NoError(t, err)
	require.Equal(t, []desktest.ScreenField{resolution}, second.Screen)
	waiting, known := two.StatusNamed("done (TO confirm)")
	require.True(t, known)
	require.Equal(t, desktest.CategoryIndeterminate, waiting.Category)
	_, err = two.Way(desktest.StatusApproved, desktest.StatusDone)
	require.Error(t, err)

	screenOf := func(w desktest.Workflow, id string) []desktest.ScreenField {
		found, _ := w.Transition(id)
		return found.Screen
	}
	cost := desktest.ScreenField{ID: "cost", Required: true}
	require.Empty(t, screenOf(w.WithoutField("resolution"), "41"))
	require.Equal(t, []desktest.ScreenField{resolution, cost}, screenOf(w.WithRequired("cost").WithRequired("cost"), "41"))
	require.Empty(t, screenOf(w.WithRequired("cost"), "11"))
	require.Equal(t, desktest.DefaultWorkflow(resolution), w)
}
