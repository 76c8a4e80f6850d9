# An SMSC on Net::SMPP: lets everybody in, sends one text, takes what comes, and says what it took.
use strict;
use warnings;
use Net::SMPP;

$| = 1;
my $listener = Net::SMPP->new_listen('127.0.0.1', port => $ARGV[0], smpp_version => 0x34) or die "listen: $!";
print "listening\n";
my $s = $listener->accept or die "accept: $!";
my $count = 0;
while (my $p = $s->read_pdu) {
    if ($p->{cmd} == Net::SMPP::CMD_bind_transceiver) {
        print "bind $p->{system_id} $p->{password}\n";
        $s->bind_transceiver_resp(seq => $p->{seq}, system_id => 'perl');
        $s->deliver_sm(source_addr => '96890000001', destination_addr => '90888', short_message => 'SR 12345', async => 1);
    } elsif ($p->{cmd} == Net::SMPP::CMD_submit_sm) {
        $s->submit_sm_resp(seq => $p->{seq}, message_id => sprintf('%08X', ++$count));
        print "submit $p->{destination_addr} $p->{data_coding} ", unpack('H*', $p->{short_message}), "\n";
    } elsif ($p->{cmd} == (Net::SMPP::CMD_deliver_sm | 0x80000000)) {
        print "delivered $p->{status}\n";
    } elsif ($p->{cmd} == Net::SMPP::CMD_enquire_link) {
        $s->enquire_link_resp(seq => $p->{seq});
    } elsif ($p->{cmd} == Net::SMPP::CMD_unbind) {
        $s->unbind_resp(seq => $p->{seq});
        print "unbound\n";
        last;
    }
}
