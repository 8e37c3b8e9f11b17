package ldap_test

import "testing"

func runTLS(*testing.T, directory)     {}
func runTraps(*testing.T, directory)   {}
func runChanges(*testing.T, directory) {}
