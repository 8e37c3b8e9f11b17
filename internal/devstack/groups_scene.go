package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"usher/internal/devstack/stack"
)

// groups: kim joins, leads somebody, and leaves. Before, ana is in Research, and zoe, mia and omar have people.
func (s *staff) groups(ctx context.Context, p *play) error {
	for _, step := range []struct {
		what               string
		change             func()
		research, managers []string
	}{
		{"kim joins Research; her manager is new-1, who had nobody", func() {
			s.people = append(s.people, stack.Employee{ID: "kim", Login: login("kim"), Mail: login("kim"), Name: "Kim Keller", Manager: "new-1", Department: stack.ResearchGroup})
		}, []string{"ana", "kim"}, []string{"mia", "new-1", "omar", "zoe"}},
		{"ana moves to another department; kim is the manager of new-2", func() {
			s.person("ana").Department, s.person("new-2").Manager = "Sales", "kim"
		}, []string{"kim"}, []string{"kim", "mia", "new-1", "omar", "zoe"}},
		{"kim leaves, and new-1 has nobody again", func() {
			s.person("kim").Left, s.person("new-2").Manager = true, "mia"
		}, nil, []string{"mia", "omar", "zoe"}},
	} {
		step.change()
		if _, _, err := s.follows(ctx, p); err != nil {
			return err
		}
		p.check("%s", step.what)
		if err := p.grouped(ctx, stack.ResearchGroup, step.research); err != nil {
			return err
		}
		if err := p.grouped(ctx, stack.ManagersGroup, step.managers); err != nil {
			return err
		}
	}
	return nil
}

// grouped asks the desk's own HTTP for the members of a group, and wants these.
func (p *play) grouped(ctx context.Context, group string, ids []string) error {
	members, err := p.client.GroupMembers(ctx, group)
	if err != nil {
		return err
	}
	var wanted []string
	for _, id := range ids {
		wanted = append(wanted, login(id))
	}
	slices.Sort(wanted)
	if !slices.Equal(members, wanted) {
		return fmt.Errorf("%s shows %v in the group %s, expected %v", p.client.DeskName(), members, group, wanted)
	}
	p.check("%s shows in the group %s: %s", p.client.DeskName(), group, strings.Join(append(ids, "nobody else"), ", "))
	return nil
}
