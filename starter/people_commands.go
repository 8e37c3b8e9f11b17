package main

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"usher/internal/access"
	"usher/starter/httpapi"
)

func (c *commands) people() *cobra.Command {
	people := &cobra.Command{Use: "people", Short: "Start and show runs over the people of a source, and release what they hold back"}
	people.AddCommand(c.peopleRuns(), c.peopleRun(), c.peopleChanges(), c.peopleProblems(), c.startPeople(), c.releasePeople(),
		c.deskEvents("events SOURCE", "List who started runs over the people of a source by hand, and released what one held back, the last first", func(source string) string {
			return "/v1/people/" + url.PathEscape(source) + "/events"
		}))
	return people
}

func peoplePath(source string, rest ...string) string {
	path := "/v1/people/" + url.PathEscape(source) + "/runs"
	for _, part := range rest {
		path += "/" + url.PathEscape(part)
	}
	return path
}

// query are the parameters of a call that are set, as the end of its path.
func query(params map[string]string) string {
	values := url.Values{}
	for name, value := range params {
		if value != "" {
			values.Set(name, value)
		}
	}
	if len(values) == 0 {
		return ""
	}
	return "?" + values.Encode()
}

func numberText(limit int) string {
	if limit == 0 {
		return ""
	}
	return strconv.Itoa(limit)
}

const limitUsage = "how many at most, 1 to 200 (default 50)"

func (c *commands) peopleRuns() *cobra.Command {
	var before string
	var limit int
	cmd := &cobra.Command{
		Use: "runs SOURCE", Short: "List the runs over the people of a source, the last first", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			path := peoplePath(args[0]) + query(map[string]string{"before": before, "limit": numberText(limit)})
			return c.do(cmd.Context(), call{method: http.MethodGet, path: path, show: as(showPeopleRuns)})
		},
	}
	cmd.Flags().StringVar(&before, "before", "", "the next page, as the page before says")
	cmd.Flags().IntVar(&limit, "limit", 0, limitUsage)
	return cmd
}

func (c *commands) peopleRun() *cobra.Command {
	return &cobra.Command{
		Use: "run SOURCE RUN", Short: "Show a run: what it listed, changed and held back", Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.do(cmd.Context(), call{method: http.MethodGet, path: peoplePath(args[0], args[1]), show: as(showPeopleRun)})
		},
	}
}

func (c *commands) peopleChanges() *cobra.Command {
	var class, after string
	var held bool
	var limit int
	cmd := &cobra.Command{
		Use: "changes SOURCE RUN", Short: "List what a run means for each person", Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			params := map[string]string{"class": class, "after": after, "limit": numberText(limit)}
			if held {
				params["held"] = "true"
			}
			path := peoplePath(args[0], args[1], "changes") + query(params)
			return c.do(cmd.Context(), call{method: http.MethodGet, path: path, show: as(showPeopleChanges)})
		},
	}
	cmd.Flags().StringVar(&class, "class", "", "only joiner, returner, mover, changed, leaver, missing or recorded")
	cmd.Flags().BoolVar(&held, "held", false, "only changes that a brake holds back")
	cmd.Flags().StringVar(&after, "after", "", "the next page, as the page before says")
	cmd.Flags().IntVar(&limit, "limit", 0, limitUsage)
	return cmd
}

func (c *commands) peopleProblems() *cobra.Command {
	var skip, limit int
	cmd := &cobra.Command{
		Use: "problems SOURCE RUN", Short: "List what a run could not read as a person", Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			path := peoplePath(args[0], args[1], "problems") + query(map[string]string{"skip": numberText(skip), "limit": numberText(limit)})
			return c.do(cmd.Context(), call{method: http.MethodGet, path: path, show: as(showPeopleProblems)})
		},
	}
	cmd.Flags().IntVar(&skip, "skip", 0, "the next page, as the page before says")
	cmd.Flags().IntVar(&limit, "limit", 0, limitUsage)
	return cmd
}

func (c *commands) startPeople() *cobra.Command {
	var in httpapi.StartPeopleBody
	cmd := &cobra.Command{
		Use: "start SOURCE", Short: "List the people of a source now", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return c.startRun(cmd, args[0], &in) },
	}
	cmd.Flags().BoolVar(&in.Whole, "whole", false, "list everybody, though the source could be asked for what changed")
	cmd.Flags().StringVar(&in.ID, "id", "", runIDUsage)
	return cmd
}

const runIDUsage = "the run's id; the same id is the same run"

func (c *commands) releasePeople() *cobra.Command {
	var in httpapi.StartPeopleBody
	release := &httpapi.ReleasePeopleBody{}
	in.Release = release
	cmd := &cobra.Command{
		Use: "release SOURCE RUN", Short: "Apply what a run held back, for whoever still has the same change",
		Example: `  usher people release hr 2026-11-28T03:00:00Z --only p-1017 --reason "She has left on Friday"`,
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if release.Reason == "" {
				return errors.New("--reason: is empty, expected why what was held back is right")
			}
			release.Run = args[1]
			return c.startRun(cmd, args[0], &in)
		},
	}
	cmd.Flags().StringArrayVar(&release.Brakes, "brake", nil, "only this brake, as the run names it; may be repeated (default: all of the run)")
	cmd.Flags().StringArrayVar(&release.Only, "only", nil, "only this person, by id; may be repeated (default: everybody whom the brakes hold back)")
	cmd.Flags().StringVar(&release.Reason, "reason", "", "why; it is recorded with the run (needed)")
	cmd.Flags().StringVar(&in.ID, "id", "", runIDUsage)
	return cmd
}

// startRun starts a run, and says how it is followed.
func (c *commands) startRun(cmd *cobra.Command, source string, in *httpapi.StartPeopleBody) error {
	if err := chooseID(&in.ID); err != nil {
		return failed(err)
	}
	return c.do(cmd.Context(), call{
		method: http.MethodPost, path: peoplePath(source), in: in, again: "the same command with --id " + in.ID,
		show: as(func(said httpapi.StartedRun) string {
			return fmt.Sprintf("The run %s is started. To follow it: usher people run %s %s\n", said.Run, source, said.Run)
		}),
	})
}

func showPeopleRuns(said struct {
	Runs []access.PeopleRun
	Next *time.Time
},
) string {
	if len(said.Runs) == 0 {
		return "No runs yet.\n"
	}
	text := table("RUN\tBEGAN\tSTATE\tLISTED\tAPPLIED\tHELD\tBY", func(w *tabwriter.Writer) {
		for _, r := range said.Runs {
			fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%d\t%s\n", r.ID, clock(r.BeganAt), runState(r), r.Listing.People, r.Applied, r.Held,
				orElse(string(r.By), "its schedule"))
		}
	})
	if said.Next != nil {
		text += "More: --before " + said.Next.Format(time.RFC3339Nano) + "\n"
	}
	return text
}

func runState(r access.PeopleRun) string {
	switch {
	case r.Problem != "":
		return "failed"
	case !r.Ended():
		return "goes on"
	case r.Held > 0:
		return "holds changes"
	}
	return "ended"
}

func showPeopleRun(r access.PeopleRun) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Run      %s over the people of %s: %s\n", r.ID, r.Source, runState(r))
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
	if r.Plan != "" {
		listed := "everybody"
		if r.Listing.Changes {
			listed = "what changed"
		}
		fmt.Fprintf(&b, "Listed   %s: %d people, %d problems\n", listed, r.Listing.People, r.Listing.Problems)
	}
	if r.OutOfScope > 0 {
		fmt.Fprintf(&b, "Scope    %d of these people are out of scope, and count as missing\n", r.OutOfScope)
	}
	for _, class := range slices.Sorted(maps.Keys(r.Counts.Classes)) {
		fmt.Fprintf(&b, "         %d %s\n", r.Counts.Classes[class], class)
	}
	fmt.Fprintf(&b, "Applied  %d, held back %d\n", r.Applied, r.Held)
	if r.Listing.Problems > 0 {
		fmt.Fprintf(&b, "To see the problems: usher people problems %s %s\n", r.Source, r.ID)
	}
	for _, hold := range r.Holds {
		fmt.Fprintf(&b, "Hold     %s: %s\n", hold.Name(), oneLine(hold.Sentence))
	}
	if r.Held > 0 {
		fmt.Fprintf(&b, "To see who is held: usher people changes %s %s --held\n", r.Source, r.ID)
	}
	return b.String()
}

func showPeopleChanges(said struct {
	Changes []access.PersonChange
	Next    string
},
) string {
	if len(said.Changes) == 0 {
		return "No such changes.\n"
	}
	text := table("PERSON\tNAME\tCLASS\tHELD BY\tWHY", func(w *tabwriter.Writer) {
		for _, p := range said.Changes {
			why := p.Reason
			if why == "" {
				why = strings.Join(p.Fields, ", ")
			}
			held := p.Held
			if held != "" && len(p.Brakes) > 0 {
				// A release is for all of them.
				held = strings.Join(p.Brakes, ", ")
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", word(string(p.Person)), oneLine(orElse(p.After.Record.DisplayName, p.After.Record.UserName)),
				p.Class, oneLine(held), oneLine(why))
		}
	})
	if said.Next != "" {
		text += "More: --after " + word(said.Next) + "\n"
	}
	return text
}

// wordOfLetters is what a terminal shows and a shell takes as it is.
var wordOfLetters = regexp.MustCompile(`^[\pL\pN._@:+=,/-]*$`)

// word returns an id of a source as it is given back in a shell. A terminal would act upon control characters, and without them it is another id.
func word(id string) string {
	if wordOfLetters.MatchString(id) {
		return id
	}
	var b strings.Builder
	for _, r := range id {
		switch {
		case r == '\'' || r == '\\':
			b.WriteString(`\` + string(r))
		case unicode.IsPrint(r):
			b.WriteRune(r)
		default:
			for _, c := range []byte(string(r)) {
				fmt.Fprintf(&b, `\x%02x`, c)
			}
		}
	}
	return "$'" + b.String() + "'"
}

func showPeopleProblems(said struct {
	Problems []access.PersonProblem
	Next     int
},
) string {
	if len(said.Problems) == 0 {
		return "No problems.\n"
	}
	text := table("WHERE\tPERSON\tPROBLEM", func(w *tabwriter.Writer) {
		for _, p := range said.Problems {
			fmt.Fprintf(w, "%s\t%s\t%s\n", oneLine(p.Row), word(string(p.ID)), oneLine(p.Problem))
		}
	})
	if said.Next > 0 {
		text += fmt.Sprintf("More: --skip %d\n", said.Next)
	}
	return text
}
