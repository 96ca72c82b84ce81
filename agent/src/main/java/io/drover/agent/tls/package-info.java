/**
 * The way to the server: whom to trust, how to get there, and what to say when a certificate is
 * wrong.
 *
 * <p>{@link io.drover.agent.tls.ServerTrust} decides what is trusted, {@link
 * io.drover.agent.tls.ServerDialer} opens connections (name, TCP, proxy, TLS), {@link
 * io.drover.agent.tls.ServerHttp} asks small questions over them. The only connections that are not
 * verified are those of {@code ServerTrust} itself, which carry no secret.
 */
@NullMarked
package io.drover.agent.tls;

import org.jspecify.annotations.NullMarked;
