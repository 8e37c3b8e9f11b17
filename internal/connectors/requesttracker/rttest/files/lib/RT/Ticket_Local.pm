# What customers do to demand a field on closing: an overlay, in one lifecycle.
use strict;
use warnings;

package RT::Ticket;

{
    no warnings 'redefine';
    my $set = \&SetStatus;
    *SetStatus = sub {
        my $self = shift;
        my %args = @_ % 2 ? (Status => @_) : @_;
        if ($self->QueueObj->Lifecycle eq 'demanding' && $args{Status} eq 'resolved' && !$self->FirstCustomFieldValue('Cost centre')) {
            return (0, 'Cost centre needs a value');
        }
        return $set->($self, @_);
    };
}

1;
