// Package servicenowtest is a fake ServiceNow: its Table API, the order of catalog items and its OAuth tokens, over the tickets of
// package desktest.
//
// A table is a project of desktest: incidents, requested items with their requests and tasks, and a table that extends incident,
// to which a ticket can be reclassified. A flow closes a requested item when its tasks are closed, as the account "system". The
// tables sys_audit, sys_journal_field, sys_choice, sys_dictionary, sys_properties and sc_item_option_mtom are made of what the others
// hold, and can only be read. sys_user has the accounts, sys_user_group groups of them, and
// sys_user_grmember who is in these; what is written there is lost with a restart. People ask by incidents of a
// category, or by an item of their own. Approvals are rows of sysapproval_approver, and the answers to them are rolled up into their
// tickets. What is sent to an import set (POST /api/now/import) goes through its maps, which find users by columns that a test names.
//
// It does what makes ServiceNow difficult: it takes the limit of a page before it leaves out rows that the caller may not see, it
// leaves out of a query what it does not know, it ignores unknown fields, it answers an order with the request, and it answers
// three kinds of refusal with 403.
package servicenowtest
