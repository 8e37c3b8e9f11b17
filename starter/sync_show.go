package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"usher/internal/access"
)

func showSyncRuns(said struct {
	Runs []access.SyncRun
	Next *time.Time
},
) string {
	if len(said.Runs) == 0 {
		return "No runs yet.\n"
	}
	text := table("RUN\tBEGAN\tSTATE\tPEOPLE\tROWS\tBY", func(w *tabwriter.Writer) {
		for _, r := range said.Runs {
			fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\t%s\n", r.ID, clock(r.BeganAt), syncState(r), r.Counts.People, orElse(states(r), "-"),
				orElse(string(r.By), "its schedule"))
		}
	})
	if said.Next != nil {
		text += "More: --before " + said.Next.Format(time.RFC3339Nano) + "\n"
	}
	return text
}

func syncState(r access.SyncRun) string {
	switch {
	case r.Problem != "":
		return "failed"
	case !r.Ended():
		return "goes on"
	case r.Dry:
		return "dry run"
	case r.States[access.SyncHeld] > 0:
		return "holds rows"
	}
	return "ended"
}

func showSyncRun(r access.SyncRun) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Run      %s over the users of %s: %s\n", r.ID, r.Desk, syncState(r))
	fmt.Fprintf(&b, "Began    %s, by %s\n", clock(r.BeganAt), orElse(string(r.By), "its schedule"))
	if r.Evidence != "" {
		fmt.Fprintf(&b, "         [%s]\n", oneLine(r.Evidence))
	}
	if r.Ended() {
		fmt.Fprintf(&b, "Ended    %s\n", clock(r.EndedAt))
	}
	if r.Problem != "" {
		fmt.Fprintf(&b, "Problem  %s\n", oneLine(r.Problem))
	}
	if r.Release != nil {
		fmt.Fprintf(&b, "Releases %s: %s\n", r.Release.Run, oneLine(r.Release.Reason))
	}
	switch {
	case r.Scope.Person != "":
		fmt.Fprintf(&b, "Only     %s\n", word(string(r.Scope.Person)))
	case r.Scope.Attribute != "":
		fmt.Fprintf(&b, "Only     people with %s %s\n", oneLine(r.Scope.Attribute), oneLine(r.Scope.Value))
	}
	if r.Plan != "" {
		fmt.Fprintf(&b, "People   %d of %s, in its run %s\n", r.Counts.People, r.Source, r.Snapshot)
		fmt.Fprintf(&b, "Users    %d, of which %d are active; %d people are linked\n", r.Counts.Users, r.Counts.Active, r.Counts.Linked)
	}
	for _, operation := range slices.Sorted(maps.Keys(r.Counts.Operations)) {
		fmt.Fprintf(&b, "Plan     %d %s\n", r.Counts.Operations[operation], operation)
	}
	fmt.Fprintf(&b, "Rows     %s\n", orElse(states(r), "none"))
	if r.HandOver != nil {
		for _, line := range r.HandOver.Lines(slices.Sorted(maps.Keys(r.HandOver.Kinds))) {
			fmt.Fprintf(&b, "Owned    %s\n", oneLine(line))
		}
	}
	for _, note := range r.Schema.Notes {
		fmt.Fprintf(&b, "Left out %s\n", oneLine(note))
	}
	for _, hold := range r.Holds {
		fmt.Fprintf(&b, "Hold     %s: %s\n", hold.Name(), oneLine(hold.Sentence))
	}
	showWhatToSee(&b, r)
	return b.String()
}

// showWhatToSee writes what people should look at.
func showWhatToSee(b *strings.Builder, r access.SyncRun) {
	if r.States[access.SyncHeld] > 0 {
		fmt.Fprintf(b, "To see what is held: usher sync rows %s %s --state held\n", r.Desk, r.ID)
	}
	if r.HoldsHandOver() {
		fmt.Fprintf(b, "What %d leavers own stays until somebody releases it\n", r.Counts.Leavers)
	}
	if r.States[access.SyncFailed] > 0 {
		fmt.Fprintf(b, "To see what failed: usher sync rows %s %s --state failed\n", r.Desk, r.ID)
	}
}

type syncRowsPage struct {
	Rows []access.SyncRow
	Next string
}

func showSyncRows(said syncRowsPage) string {
	if len(said.Rows) == 0 {
		return "No such rows.\n"
	}
	text := table("PERSON\tOPERATION\tSTATE\tUSER\tHELD BY\tFIELDS\tWHY", func(w *tabwriter.Writer) {
		for _, r := range said.Rows {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", word(string(r.Person)), r.Operation, r.State, oneLine(string(r.User)),
				oneLine(strings.Join(r.Brakes, ", ")), oneLine(strings.Join(slices.Sorted(maps.Keys(r.Values)), ", ")), oneLine(orElse(r.Problem, r.Reason)))
		}
	})
	if said.Next != "" {
		text += "More: --after " + word(said.Next) + "\n"
	}
	return text
}

// changed are the fields that a row writes, before and after.
func changed(r access.SyncRow) []string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(r.Values)) {
		parts = append(parts, fmt.Sprintf("%s: %q -> %q", name, r.Before[name], r.Values[name]))
	}
	return parts
}

func showPreview(said syncRowsPage) string {
	if len(said.Rows) == 0 {
		return "Nothing would be done for this person.\n"
	}
	r := said.Rows[0]
	var b strings.Builder
	fmt.Fprintf(&b, "Person    %s\nOperation %s\n", word(string(r.Person)), r.Operation)
	if r.User != "" {
		fmt.Fprintf(&b, "User      %s\n", oneLine(string(r.User)))
	}
	if r.How != "" {
		fmt.Fprintf(&b, "Matched   by %s\n", r.How)
	}
	if r.Reason != "" {
		fmt.Fprintf(&b, "Why       %s\n", oneLine(r.Reason))
	}
	for _, brake := range r.Brakes {
		fmt.Fprintf(&b, "Brake     %s\n", oneLine(brake))
	}
	for _, note := range r.Notes {
		fmt.Fprintf(&b, "Note      %s\n", oneLine(note))
	}
	if r.Manager != "" {
		fmt.Fprintf(&b, "Manager   the user of %s, once there is one\n", word(string(r.Manager)))
	}
	for _, other := range r.Others {
		fmt.Fprintf(&b, "Also      %s\n", oneLine(string(other.User)))
	}
	if len(r.Values) == 0 {
		return b.String()
	}
	return b.String() + table("FIELD\tBEFORE\tAFTER", func(w *tabwriter.Writer) {
		for _, name := range slices.Sorted(maps.Keys(r.Values)) {
			fmt.Fprintf(w, "%s\t%s\t%s\n", oneLine(name), oneLine(r.Before[name]), oneLine(r.Values[name]))
		}
	})
}
