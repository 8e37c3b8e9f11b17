# A Request Tracker for the tests: SQLite, one address of this machine, no mail.
use utf8;
Set($rtname, 'testdesk');
Set($Organization, 'desk.example.test');
Set($CorrespondAddress, 'rt@desk.example.test');
Set($CommentAddress, 'rt-comment@desk.example.test');
Set($DatabaseType, 'SQLite');
Set($DatabaseName, "$ENV{RT_TEST_HOME}/rt.sqlite");
Set($WebDomain, '127.0.0.1');
Set($WebPort, $ENV{RT_TEST_PORT});
Set($MailCommand, 'testfile');
Set($LogToSyslog, undef);
Set($LogToSTDERR, 'error');
Set($WebSessionClass, 'Apache::Session::File');
Set($MasonSessionDir, "$ENV{RT_TEST_HOME}/session");
# As RT has it where nobody sets it: not UTC.
Set($Timezone, 'US/Eastern');
# The least that bcrypt allows: every call checks a password or a token, and with RT's 12 that alone takes a third of a second.
Set($BcryptCost, 4);

my @open = qw(new open stalled approved denied resolved rejected deleted);
my %cycle = (
    initial  => ['new'],
    active   => ['open', 'stalled', 'approved', 'denied'],
    inactive => ['resolved', 'rejected', 'deleted'],
    defaults => { on_create => 'new' },
    rights   => { '* -> deleted' => 'DeleteTicket', '* -> *' => 'ModifyTicket' },
    actions  => [
        'new -> open'      => { label => 'Start' },
        'new -> resolved'  => { label => 'Done' },
        'open -> resolved' => { label => 'Done' },
        'new -> rejected'  => { label => 'Reject' },
    ],
);
my %any = map { my $from = $_; $from => [grep { $_ ne $from } @open] } @open;
Set(%Lifecycles,
    access     => { %cycle, transitions => { '' => \@open, %any } },
    demanding  => { %cycle, transitions => { '' => \@open, %any } },
    no_working => {
        %cycle,
        transitions => { '' => \@open, %any, new => [qw(approved denied resolved rejected deleted)] },
        actions     => ['new -> resolved' => { label => 'Done' }],
    },
);
1;
