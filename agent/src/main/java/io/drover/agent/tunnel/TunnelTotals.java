package io.drover.agent.tunnel;

/**
 * What a tunnel has done since the start of the process.
 *
 * @param sessions websockets opened
 * @param streams streams that the server opened
 * @param refusedStreams streams refused before a dial: by policy or by a limit
 * @param dials dials that led to a connection
 * @param dialFailures dials that did not
 * @param receivedBytes payload from the server
 * @param sentBytes payload to the server
 * @param pauses times that the server asked us to hold a stream
 */
public record TunnelTotals(
    long sessions,
    long streams,
    long refusedStreams,
    long dials,
    long dialFailures,
    long receivedBytes,
    long sentBytes,
    long pauses) {}
