# A client on Net::SMPP: binds, submits what it is told, waits for one text, and leaves.
use strict;
use warnings;
use Net::SMPP;

$| = 1;
my ($port, $text) = @ARGV;
my ($s, $answer) = Net::SMPP->new_transceiver('127.0.0.1', port => $port, system_id => 'perl', password => 'secret')
    or die "connect: $!";
die "bind: $answer->{status}" if $answer->{status};
my $resp = $s->submit_sm(source_addr => '1111', destination_addr => '96890000001', short_message => $text) or die;
print "submitted $resp->{status} $resp->{message_id}\n";
my $p = $s->read_pdu or die;
print "text $p->{short_message}\n";
$s->deliver_sm_resp(seq => $p->{seq}, message_id => '');
$resp = $s->enquire_link or die;
print "alive $resp->{status}\n";
$resp = $s->unbind or die;
print "unbound $resp->{status}\n";
