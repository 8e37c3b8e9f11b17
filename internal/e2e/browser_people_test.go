package e2e_test

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/devstack/stack"
)

// TestBrowser_people reads what operators read of people: the schedule of a desk's users, and a run with its plan and what a brake holds.
func TestBrowser_people(t *testing.T) {
	program := browserProgram(t)
	build(t)
	ctx, cancel := context.WithTimeout(t.Context(), startWithin)
	defer cancel()
	dir := t.TempDir()
	up, err := stack.Start(ctx, stack.Options{Dir: dir, Built: true, Log: &log{}, Desk: stack.ServiceNow, Staff: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, up.Stop(context.WithoutCancel(t.Context()))) })
	c := &crew{system: &system{Client: up.Client(), stack: up}, dir: dir, all: map[int]stack.Employee{}}
	c.hires(0, 60)
	c.listed(ctx, t, stack.PeopleStart{})
	c.syncs(ctx, t, stack.SyncStart{})
	c.hires(60, 70)
	for n := 40; n < 60; n++ {
		c.change(n, func(e *stack.Employee) { e.Left = true })
	}
	held := c.listed(ctx, t, stack.PeopleStart{})
	c.listed(ctx, t, stack.PeopleStart{Release: &stack.PeopleRelease{Run: held.ID, Reason: "a plant closes"}})
	run := c.syncs(ctx, t, stack.SyncStart{})
	require.Equal(t, 20, run.States[access.SyncHeld])

	p := openBrowser(t, program)
	ui := up.URLs().TemporalUI
	p.open(ui + "/namespaces/default/schedules/" + url.PathEscape("usersync/servicenow"))
	p.sees("body", "usersync/servicenow", "UserSync")
	p.picture("temporal-schedule")

	p.open(ui + "/namespaces/default/workflows?query=" + url.QueryEscape(`WorkflowType="UserSync"`))
	p.click(`a[href*="` + "/workflows/usersync%2Fservicenow%2F" + run.ID + `/"]`)
	p.click("#user-metadata-tab")
	p.until("see the run's details", func(ctx context.Context) error {
		type details struct {
			Text  string `json:"text"`
			Hides bool   `json:"hides"`
		}
		shown, err := chromedp.Run(ctx, chromedp.Evaluate[details](browserDetails))
		if err != nil {
			return err
		}
		for _, part := range []string{"10 create", "deactivations", "20"} {
			if !strings.Contains(shown.Text, part) {
				return fmt.Errorf("the details are %q, expected %q in them", shown.Text, part)
			}
		}
		if shown.Hides {
			return fmt.Errorf("the frame hides a part of the details %q", shown.Text)
		}
		return nil
	})
	p.picture("temporal-sync")

	// The API's document, by a page that loads nothing from elsewhere.
	p.open(up.URLs().API + "/docs")
	p.sees("#swagger-ui", "usher", "/v1/requests/{id}/decisions", "/v1/inbox", "Take back")
}
