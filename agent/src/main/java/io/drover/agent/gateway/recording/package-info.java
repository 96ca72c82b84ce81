/**
 * What is said and shown in sessions of exec and attach, as files of asciicast v2. Bytes are looked
 * at as they pass by, and never changed: {@link io.drover.agent.gateway.recording.Recordings} opens
 * a {@link io.drover.agent.gateway.recording.Recording} for each session.
 */
@NullMarked
package io.drover.agent.gateway.recording;

import org.jspecify.annotations.NullMarked;
