"""The hub: one frame for all, order kept through a hold, a client that does not read is cut off and slows nobody."""

from __future__ import annotations

from modules.simulator import hub as hub_module
from modules.simulator.frames import text_frame
from modules.simulator.hub import Hub
from self_test.modules.simulator import toy


def test_everybody_on_the_topic_gets_it_once() -> None:
    hub = Hub()
    a, b, c = toy.Listener(), toy.Listener(), toy.Listener()
    for one in (a, b):
        hub.subscribers("spot", "t").add(one.client)
        one.client.topics.add("t")
        hub.clients.add(one.client)
    hub.publish(hub.subscribers("spot", "t"), b'{"x":1}')
    hub.flush()
    assert a.take() == b.take() == [{"x": 1}] and c.take() == []
    hub.remove(a.client)
    assert hub.subscribers("spot", "t") == {b.client} and hub.clients == {b.client}
    assert hub.frames == 2


def test_held_output_keeps_its_order_and_leaves_in_one_piece() -> None:
    one = toy.Listener()
    one.client.send(text_frame(b"1"))
    one.client.hold()
    one.client.send(text_frame(b"2"))
    one.client.flush()
    assert one.wire.written == b""
    one.client.hold()
    later = list(one._later)
    later[0]()
    assert one.wire.written == b"", "the second hold still holds"
    later[1]()
    assert toy.unframe(one.wire.written) == [b"1", b"2"]


def test_who_does_not_read_is_cut_off() -> None:
    hub = Hub()
    slow, quick = toy.Listener(), toy.Listener()
    hub.clients |= {slow.client, quick.client}
    slow.wire.stuck = hub_module.PILE_LIMIT
    hub.publish(hub.clients, b"{}")
    hub.flush()
    assert slow.wire.aborted and slow.client.cut_off
    assert quick.take() == [{}] and not quick.wire.aborted
    hub.publish(hub.clients, b"{}")
    hub.flush()
    assert slow.wire.written == b""


def test_a_closing_socket_is_not_written_to() -> None:
    one = toy.Listener()
    one.wire.aborted = True
    one.client.send(text_frame(b"1"))
    one.client.flush()
    assert one.wire.written == b""
