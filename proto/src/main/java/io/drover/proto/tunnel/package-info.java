/**
 * The messages of a tunnel and their bytes.
 *
 * <p>A tunnel multiplexes many TCP connections, its <em>streams</em>, over one websocket. Each
 * binary websocket message holds exactly one {@link io.drover.proto.tunnel.Message}; {@link
 * io.drover.proto.tunnel.MessageCodec} draws the layout. The format is that of Rancher's
 * remotedialer library and was checked against frames recorded from it ({@code
 * remotedialer-vectors.json} in the tests).
 */
@NullMarked
package io.drover.proto.tunnel;

import org.jspecify.annotations.NullMarked;
