# Makes what REST2 cannot: custom fields, rights, accounts with tokens, and a queue "Hooked" with the scrip in RT_TEST_SCRIP.
# Prints a line for each account: name, token.
use strict;
use warnings;
use lib '/usr/share/request-tracker5/lib';
use RT;
RT::LoadConfig();
RT::Init();

my ($accounts, $adminUsers) = @ARGV;
sub must { my ($ok, $said) = @_; die $said unless $ok }

# No mail: to write it takes longer than everything else that a call does.
my $scrips = RT::Scrips->new(RT->SystemUser);
$scrips->UnLimit;
while (my $scrip = $scrips->Next) {
    must($scrip->SetDisabled(1)) if $scrip->ActionObj->Name =~ /Notify|Autoreply/;
}
for my $name ('External Id', 'Cost centre', 'Role', 'Owner') {
    my $field = RT::CustomField->new(RT->SystemUser);
    must($field->Create(Name => $name, Type => 'FreeformSingle', LookupType => 'RT::Queue-RT::Ticket'));
    must($field->AddToObject(RT::Queue->new(RT->SystemUser)));
}
# What users can hold besides RT's own fields.
for my $name ('Person', 'Manager', 'Cost centre') {
    my $field = RT::CustomField->new(RT->SystemUser);
    must($field->Create(Name => $name, Type => 'FreeformSingle', LookupType => 'RT::User'));
    must($field->AddToObject(RT::User->new(RT->SystemUser)));
}
# Where usher asks approvers. RT's own queue ___Approvals has rules that change other tickets.
must(RT::Queue->new(RT->SystemUser)->Create(Name => 'Access Approvals', Lifecycle => 'approvals'));
my $hooked = RT::Queue->new(RT->SystemUser);
must($hooked->Create(Name => 'Hooked', Lifecycle => 'access'));
must(RT::Scrip->new(RT->SystemUser)->Create(
    Queue => $hooked->id, ScripCondition => 'On Transaction', ScripAction => 'User Defined', Template => 'Blank',
    CustomPrepareCode => 'return 1;', CustomCommitCode => $ENV{RT_TEST_SCRIP},
));
# They are rights everywhere, also where approvers are asked.
my $all = RT::Group->new(RT->SystemUser);
$all->LoadSystemInternalGroup('Privileged');
for my $right (qw(SeeQueue ShowTicket CreateTicket ModifyTicket OwnTicket ReassignTicket ReplyToTicket CommentOnTicket
    ShowTicketComments SeeCustomField ModifyCustomField ModifySelf)) {
    must($all->PrincipalObj->GrantRight(Right => $right, Object => RT->System));
}
# Two accounts that lack rights: one does not see comments, the other may neither comment nor set custom fields.
my @few = qw(SeeQueue ShowTicket CreateTicket ModifyTicket SeeCustomField);
my %lacking = (blind => [@few, qw(CommentOnTicket ModifyCustomField)], dumb => \@few);
for my $name (sort keys %lacking) {
    my $user = RT::User->new(RT->SystemUser);
    must($user->Create(Name => $name, Privileged => 0, Timezone => 'UTC'));
    must($user->PrincipalObj->GrantRight(Right => $_, Object => RT->System)) for @{$lacking{$name}};
    my ($ok, $said, $text) = RT::AuthToken->new(RT->SystemUser)->Create(Owner => $user->id, Description => 'usher');
    must($ok, $said);
    print "$name $text\n";
}
# An account that has every right in one queue, and none elsewhere.
my $narrow = RT::Queue->new(RT->SystemUser);
must($narrow->Create(Name => 'Narrow', Lifecycle => 'access'));
{
    my $user = RT::User->new(RT->SystemUser);
    must($user->Create(Name => 'narrow', Privileged => 0, Timezone => 'UTC'));
    must($user->PrincipalObj->GrantRight(Right => $_, Object => $narrow)) for (qw(SeeQueue ShowTicket CreateTicket ModifyTicket OwnTicket
        ReassignTicket ReplyToTicket CommentOnTicket ShowTicketComments SeeCustomField ModifyCustomField));
    my ($ok, $said, $text) = RT::AuthToken->new(RT->SystemUser)->Create(Owner => $user->id, Description => 'usher');
    must($ok, $said);
    print "narrow $text\n";
}
# Accounts that may administer users: one no groups, one groups too, and one that sees groups and may not change who is in them.
my %keeping = (directory => [], groups => [qw(SeeGroup AdminGroupMembership)], looking => ['SeeGroup']);
for my $name (sort keys %keeping) {
    my $user = RT::User->new(RT->SystemUser);
    must($user->Create(Name => $name, Privileged => 1, Timezone => 'UTC'));
    must($user->PrincipalObj->GrantRight(Right => $_, Object => RT->System)) for 'AdminUsers', @{$keeping{$name}};
    my ($ok, $said, $text) = RT::AuthToken->new(RT->SystemUser)->Create(Owner => $user->id, Description => 'usher');
    must($ok, $said);
    print "$name $text\n";
}
# Groups whose members may follow people.
for my $name ($adminUsers ? ('Research', 'Line managers') : ()) {
    must(RT::Group->new(RT->SystemUser)->CreateUserDefinedGroup(Name => $name));
}
for my $n (1 .. $accounts) {
    my $user = RT::User->new(RT->SystemUser);
    must($user->Create(Name => "usher-$n", EmailAddress => "usher-$n\@desk.example.test", Privileged => 1, Timezone => 'UTC'));
    must($user->PrincipalObj->GrantRight(Right => $_, Object => RT->System)) for $adminUsers ? qw(AdminUsers SeeGroup AdminGroupMembership) : ();
    my $token = RT::AuthToken->new(RT->SystemUser);
    my ($ok, $said, $text) = $token->Create(Owner => $user->id, Description => 'usher');
    must($ok, $said);
    print "usher-$n $text\n";
}
