package servicenow

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"usher/internal/access"
)

// ImportSetConfig is how users are written where nobody may write sys_user by the Table API: as rows of the staging table of an import set. Its
// transform map changes the one user whom it finds, and makes a new one of a row for which it finds none.
type ImportSetConfig struct {
	// Table is the staging table. Required.
	Table string `yaml:"table"`
	// User is the column of the staging table that carries the user's sys_id; "" means DefaultImportUser. A row for a new user has none.
	User string `yaml:"user"`
	// Coalesce is the column of sys_user by which the transform map finds users: sys_id, user_name or that of person_field; "" means sys_id.
	Coalesce string `yaml:"coalesce"`
	// Fields are columns of the staging table, by the columns of sys_user that they carry. One that is not listed has the same name, with u_
	// before it if it does not begin so.
	Fields map[string]string `yaml:"fields"`
}

// DefaultImportUser is the column that carries the sys_id of a user where none is configured.
const DefaultImportUser = "u_sys_id"

const idColumn = "sys_id"

func (i *ImportSetConfig) user() string { return cmp.Or(i.User, DefaultImportUser) }

func (i *ImportSetConfig) coalesce() string { return cmp.Or(i.Coalesce, idColumn) }

// column is the column of the staging table that carries a column of sys_user.
func (i *ImportSetConfig) column(field string) string {
	if field == idColumn {
		return i.user()
	}
	return cmp.Or(i.Fields[field], "u_"+strings.TrimPrefix(field, "u_"))
}

// validate names every key that is wrong.
func (i *ImportSetConfig) validate(c UsersConfig, problem func(key, format string, args ...any)) {
	if !tableName.MatchString(i.Table) {
		problem("users.import_set.table", "expected the name of a staging table, such as u_usher_users")
	}
	if i.User != "" && !stagingColumn(i.User) {
		problem("users.import_set.user", "expected the name of a column of the staging table, such as %s", DefaultImportUser)
	}
	keys := []string{idColumn, access.UserFieldName}
	if c.PersonField != "" {
		keys = append(keys, c.PersonField)
	}
	if !slices.Contains(keys, i.coalesce()) {
		problem("users.import_set.coalesce", "unknown value %q; expected one of %s", i.Coalesce, strings.Join(keys, ", "))
	}
	for _, field := range slices.Sorted(maps.Keys(i.Fields)) {
		switch {
		case !tableName.MatchString(field), strings.HasPrefix(field, "sys_"), field == nameColumn, field == access.UserFieldDisplayName:
			problem("users.import_set.fields."+field, "expected a column of %s that usher writes; the sys_id is in users.import_set.user", userTable)
		case !stagingColumn(i.Fields[field]):
			problem("users.import_set.fields."+field, "expected the name of a column of the staging table, such as u_%s", strings.TrimPrefix(field, "u_"))
		}
	}
	for _, twice := range i.twice(append(slices.Collect(maps.Keys(i.Fields)), c.written()...)) {
		problem("users.import_set.fields", "%s", twice)
	}
}

// twice returns a sentence for each column of the staging table that carries more than one column of sys_user.
func (i *ImportSetConfig) twice(fields []string) (wrong []string) {
	carried := map[string]string{i.user(): idColumn}
	for _, field := range slices.Compact(slices.Sorted(slices.Values(fields))) {
		column := i.column(field)
		if other, taken := carried[column]; taken {
			wrong = append(wrong, "the column "+column+" carries "+other+" and "+field+"; expected one column for each")
		}
		carried[column] = field
	}
	return wrong
}

func stagingColumn(name string) bool {
	return tableName.MatchString(name) && !strings.HasPrefix(name, "sys_")
}

// written are the columns of sys_user that usher writes whatever the mapping has.
func (c UsersConfig) written() []string {
	columns := []string{access.UserFieldName, access.UserFieldEmail, access.UserFieldManager, activeColumn}
	if c.Lock {
		columns = append(columns, lockColumn)
	}
	if c.PersonField != "" {
		columns = append(columns, c.PersonField)
	}
	return columns
}

// staging is what the instance shows of an import set.
type staging struct {
	// limits are how many characters the columns of the staging table hold, by the columns of sys_user; 0 where that is not known.
	limits map[string]int
	// lacks are the columns of sys_user that cannot be written, each with why.
	lacks map[string]string
	// wrong is what is wrong with the import set, by the key of the configuration.
	wrong []access.Finding
	// unread is true where usher's account may not read what the transform map does.
	unread bool
}

// readStaging reads what the instance shows of the import set, as far as usher's account may see that, for columns of sys_user.
func (d *driver) readStaging(ctx context.Context, op string, fields []string) (staging, error) {
	set := d.config.Users.ImportSet
	out := staging{limits: map[string]int{}, lacks: map[string]string{}}
	_, err := d.page(ctx, op, listing{table: set.Table, fields: []string{idColumn}, limit: 1}, "")
	switch {
	case access.IsKind(err, access.Invalid):
		out.wrong = append(out.wrong, d.finding("users.import_set.table", "there is no table %q: %v", set.Table, err))
		return out, nil
	case err != nil && !access.IsKind(err, access.Forbidden):
		return out, err
	}
	// The credentials are good: they have shown the account itself before. To write into a table is another right than to read it.
	columns, err := d.dictionary(ctx, op, set.Table)
	if err != nil {
		return out, err
	}
	for _, field := range append([]string{idColumn}, fields...) {
		entry, there := columns[set.column(field)]
		if out.limits[field] = runes(entry); len(columns) > 0 && !there {
			out.lacks[field] = "the staging table " + set.Table + " has no column " + set.column(field)
		}
	}
	return out, d.readTransform(ctx, op, fields, &out)
}

// readTransform reads what the transform map of the import set does.
func (d *driver) readTransform(ctx context.Context, op string, fields []string, out *staging) error {
	set := d.config.Users.ImportSet
	found, unread, err := d.visible(ctx, op, listing{
		table: "sys_transform_map", where: query{{"source_table", equal, set.Table}, {"active", equal, "true"}}, fields: []string{"name", "target_table", "run_script"},
	})
	found = slices.DeleteFunc(found, func(r row) bool { return r.get("target_table") != userTable })
	switch {
	case err != nil || unread:
		out.unread = true
		return err
	case len(found) != 1:
		out.wrong = append(out.wrong, d.finding("users.import_set.table", "the staging table %s has %d active transform maps for %s, expected 1", set.Table, len(found), userTable))
		return nil
	}
	entries, unread, err := d.visible(ctx, op, listing{
		table: "sys_transform_entry", where: query{{"map", equal, found[0].get(idColumn)}},
		fields: []string{"source_field", "target_field", "coalesce", "use_source_script"},
	})
	if err != nil || unread {
		out.unread = true
		return err
	}
	d.compareTransform(found[0], entries, fields, out)
	return nil
}

// compareTransform wants a transform map that finds users by one column, as configured, and has an entry for each column of sys_user that usher
// writes. What a script does, usher does not know.
func (d *driver) compareTransform(m row, entries []row, fields []string, out *staging) {
	set, sources, keys := d.config.Users.ImportSet, map[string]row{}, []string(nil)
	for _, entry := range entries {
		sources[entry.get("target_field")] = entry
		if entry.get("coalesce") == "true" {
			keys = append(keys, entry.get("target_field"))
		}
	}
	slices.Sort(keys)
	if found := strings.Join(keys, ", "); found != set.coalesce() {
		out.wrong = append(out.wrong, d.finding("users.import_set.coalesce", "the transform map %q finds users by %s; expected it to coalesce on %s alone",
			m.get("name"), cmp.Or(found, "nothing, and makes a new one of each row"), set.coalesce()))
	}
	for _, field := range append([]string{set.coalesce()}, fields...) {
		entry, mapped := sources[field]
		switch script := entry.get("use_source_script") == "true"; {
		case !mapped && m.get("run_script") != "true":
			out.lacks[field] = "the transform map has no entry for " + field
		case mapped && !script && entry.get("source_field") != set.column(field):
			out.lacks[field] = "the transform map takes " + field + " from " + entry.get("source_field") + ", expected " + set.column(field)
		}
	}
}

// visible is the first page of a list, or unread where usher's account may not see all of it.
func (d *driver) visible(ctx context.Context, op string, l listing) (rows []row, unread bool, err error) {
	l.limit = manyRows
	got, err := d.page(ctx, op, l, "")
	if access.IsKind(err, access.Forbidden) || access.IsKind(err, access.Invalid) {
		return nil, true, nil
	}
	return got.rows, got.count != len(got.rows), err
}

// checkImportSet returns what is wrong with the import set by which users are written; nothing where there is none.
func (d *driver) checkImportSet(ctx context.Context, op string) ([]access.Finding, error) {
	if d.config.Users.ImportSet == nil {
		return nil, nil
	}
	fields := d.config.Users.written()
	read, err := d.readStaging(ctx, op, fields)
	return append(read.wrong, d.lacking(read, fields)...), err
}

// lacking is what the import set lacks that usher cannot do without: the columns of the fields, but for the usual ones that not everybody keeps.
func (d *driver) lacking(s staging, fields []string) (wrong []access.Finding) {
	for _, field := range slices.Sorted(maps.Keys(s.lacks)) {
		switch {
		case field == access.UserFieldEmail, field == access.UserFieldManager:
		case field == idColumn && d.config.Users.ImportSet.coalesce() != idColumn:
		case field == idColumn:
			wrong = append(wrong, d.finding("users.import_set.user", "%s", s.lacks[field]))
		case slices.Contains(fields, field):
			wrong = append(wrong, d.finding("users.import_set.fields."+field, "%s", s.lacks[field]))
		}
	}
	return wrong
}

// stage brings what the import set can hold into what sys_user holds. Invalid names what is wrong with the import set.
func (u *Users) stage(ctx context.Context, op string, known *userColumns) error {
	set := u.d.config.Users.ImportSet
	if set == nil {
		return nil
	}
	fields := u.written()
	read, err := u.d.readStaging(ctx, op, fields)
	if err != nil {
		return err
	}
	wrong := append(read.wrong, u.d.lacking(read, fields)...)
	for _, twice := range set.twice(fields) {
		wrong = append(wrong, u.d.finding("users.import_set.fields", "%s", twice))
	}
	for field := range set.Fields {
		if !slices.Contains(fields, field) {
			wrong = append(wrong, u.d.finding("users.import_set.fields."+field, "usher does not write this column; expected one of %s", strings.Join(fields, ", ")))
		}
	}
	if len(wrong) > 0 {
		var texts []string
		for _, one := range wrong {
			texts = append(texts, one.Key+": "+one.Problem)
		}
		return access.Errorf(access.Invalid, op, "%s", strings.Join(texts, "; "))
	}
	known.narrow(u.d.config.Users, read)
	return nil
}

// narrow takes from the fields what an import set cannot write.
func (c *userColumns) narrow(config UsersConfig, read staging) {
	shorter := func(a, b int) int {
		if a == 0 || (b > 0 && b < a) {
			return b
		}
		return a
	}
	set := config.ImportSet
	c.reserved, c.unwritten = clears, maps.Clone(read.lacks)
	c.person.Runes = shorter(c.person.Runes, read.limits[config.PersonField])
	for name, field := range c.fields {
		why, lacks := read.lacks[name]
		if limit := read.limits[name]; !c.references[name] {
			field.Runes = shorter(field.Runes, limit)
		}
		switch {
		case lacks:
			field.ReadOnly = true
			c.notes = append(c.notes, name+": "+why)
		case name == set.coalesce():
			// A user with another name would be a new one to the transform map.
			field.ReadOnly, field.OnlyNew = true, true
			c.unwritten[name] = "the transform map finds users by it, so an import set cannot change it"
		}
		c.fields[name] = field
	}
	if read.unread {
		c.notes = append(c.notes, "the check of the transform map of "+set.Table+": usher's account may not read sys_transform_map and sys_transform_entry")
	}
	slices.Sort(c.notes)
	// Whoever reads of a run has to see by which path it wrote.
	c.notes = append([]string{"the Table API: users are written by rows of the staging table " + set.Table}, c.notes...)
}

// written are the columns of sys_user that usher writes.
func (u *Users) written() []string {
	fields := append(u.d.config.Users.written(), u.fields...)
	slices.Sort(fields)
	return slices.Compact(fields)
}
