// Package ldap reads people from a directory that speaks LDAP: OpenLDAP, and Active Directory.
package ldap
