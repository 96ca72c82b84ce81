package io.drover.server.cert;

import java.nio.file.Path;
import java.util.Optional;

/**
 * A certificate from elsewhere, in PEM.
 *
 * @param chain the server's certificate, then each signer's
 * @param key its private key, without a password
 * @param authorities whom clients and agents trust for it; empty: those that everybody trusts
 */
public record CertificateFiles(Path chain, Path key, Optional<Path> authorities) {}
