package stack

import (
	"encoding/csv"
	"fmt"
	"os"
	"strconv"
	"strings"

	"usher/internal/access"
)

// StaffFile is the file of the source staff, in the folder of a stack that has Options.Staff.
const StaffFile = "staff.csv"

// Employee is a row of a StaffFile.
type Employee struct {
	ID, Login, Mail, Name, Manager string
	Title, City, Department        string
	Left                           bool
}

// WriteStaff writes a StaffFile, whole: it ends with the number of its rows. Who reads it in between has the one of before.
func WriteStaff(path string, all []Employee) error {
	var text strings.Builder
	out := csv.NewWriter(&text)
	rows := [][]string{{"number", "login", "mail", "name", "manager", "active", "title", "city", "department"}}
	for _, e := range all {
		rows = append(rows, []string{e.ID, e.Login, e.Mail, e.Name, e.Manager, strconv.FormatBool(!e.Left), e.Title, e.City, e.Department})
	}
	rows = append(rows, []string{"TRAILER", strconv.Itoa(len(all)), "", "", "", "", "", "", ""})
	if err := out.WriteAll(rows); err != nil {
		return fmt.Errorf("write the staff: %w", err)
	}
	if err := os.WriteFile(path+".new", []byte(text.String()), 0o600); err != nil {
		return fmt.Errorf("write the staff: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("write the staff: %w", err)
	}
	return nil
}

// Staff is the name of that source.
const Staff access.SourceName = "staff"
