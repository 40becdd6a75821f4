# What two Perl programs read in each notice (*.eml) of a directory: JSON, by file name and by program.
use strict;
use warnings;
use JSON::PP;
use Mail::DeliveryStatus::BounceParser;
use Sisimai;

my %found;
for my $file ( glob "$ARGV[0]/*.eml" ) {
    my ($name) = $file =~ m{([^/]+)\.eml\z};
    my $read = Sisimai->make( $file, delivered => 1 ) || [];
    $found{$name}{sisimai} = [
        map {
            my $one = $_;
            +{  recipient  => $one->recipient->address,
                action     => $one->action,
                status     => $one->deliverystatus,
                diagnostic => $one->diagnosticcode,
                kind       => $one->diagnostictype,
                message_id => $one->messageid,
                reason     => $one->reason
            }
        } @$read
    ];
    open my $handle, '<:raw', $file or die "$file: $!";
    my $octets = do { local $/ = undef; <$handle> };
    close $handle;
    $octets =~ s/\r\n/\n/g;    # it takes what a mail server pipes into a program
    my $bounce = Mail::DeliveryStatus::BounceParser->new($octets);
    $found{$name}{bounceparser} = [
        map {
            +{  recipient => $_->get('email'),
                action    => $_->get('action'),
                status    => $_->get('status'),
                reason    => $_->get('reason'),
                std       => $_->get('std_reason')
            }
        } $bounce->reports
    ];
}
print JSON::PP->new->canonical->utf8->encode( \%found );
