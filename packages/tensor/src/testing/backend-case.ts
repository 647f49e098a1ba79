import type { Fused } from '../backend.js';
import type { Lab } from './backend-lab.js';

/** One test of a backend. Its name is `subject: what about it`; a skip names the whole or the subject. */
export interface BackendCase {
  readonly name: string;
  /** The fused kernel that it needs: without that the case does not arise. */
  readonly needs?: keyof Fused<unknown>;
  /** Rejects if the backend is wrong. `false`: the fused kernel declined. */
  run(lab: Lab): Promise<void | false>;
}

/** The part of a case's name before the colon. */
export function subjectOf(name: string): string {
  return name.split(':', 1)[0]!;
}

/** The gradient of what a fused kernel computed is asked of its gradient kernel only: that may not decline what the other one took. */
export function mustTakeBoth(what: string, forwardTakes: boolean): void {
  if (forwardTakes) throw new Error(`${what}: the gradient kernel declines arguments that the forward kernel takes`);
}

/** Throws unless `action` throws an error whose message holds every one of `mentions`. */
export function mustThrow(what: string, mentions: readonly (string | number)[], action: () => void): void {
  let message: string;
  try {
    action();
  } catch (error) {
    message = error instanceof Error ? error.message : String(error);
    const missing = mentions.filter((mention) => !message.includes(String(mention)));
    if (missing.length > 0) throw new Error(`${what}: expected the message to name ${missing.join(', ')}, got "${message}"`);
    return;
  }
  throw new Error(`${what}: expected an error, got none`);
}
