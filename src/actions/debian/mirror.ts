// Asks a mirror for a suite before a disk is wiped for it: debootstrap would find out afterwards.
import { fullJitterMs } from '../../core/backoff.ts';
import { AppError } from '../../core/errors.ts';
import { shownUrl } from '../../core/text/shown-url.ts';
import type { ActionContext } from '../action.ts';
import { askInTime } from '../image/fetching/answer.ts';

export interface Suite {
  readonly suite: string;
  readonly mirror: string | undefined;
}

/** Source: DEF_MIRROR of debootstrap(8); the scripts of other distributions than Debian name their own. */
const debian = 'http://deb.debian.org/debian';
const scripts = '/usr/share/debootstrap/scripts';
const tries = 5;
const retryPolicy = { baseMs: 1_000, capMs: 15_000 };

/** Errors: AppError `action.invalid` for a suite that this debootstrap does not know, `image.unreachable` for a
 *  mirror that does not have it. */
export async function requireSuite(
  { suite, mirror }: Suite,
  context: ActionContext,
): Promise<void> {
  const { root } = context.host;
  const known = await root.list(scripts);
  if (known === undefined) return;
  if (!known.includes(suite)) {
    throw new AppError(
      'action.invalid',
      `the debootstrap of this image has no suite "${suite}"; name one that it knows, such as bookworm, in the template`,
    );
  }
  const script = (await root.text(`${scripts}/${suite}`)) ?? '';
  const asked = mirror ?? (script.includes('default_mirror') ? undefined : debian);
  if (asked !== undefined) await requireRelease(asked, suite, context);
}

async function requireRelease(
  mirror: string,
  suite: string,
  context: ActionContext,
): Promise<void> {
  for (const name of ['InRelease', 'Release']) {
    const url = `${mirror.replace(/\/+$/, '')}/dists/${suite}/${name}`;
    if (await isThere(url, mirror, context)) return;
  }
  throw new AppError(
    'image.unreachable',
    `the mirror ${shownUrl(mirror)} has no suite ${suite} (dists/${suite}/Release); correct suite or mirror in the template`,
  );
}

async function isThere(url: string, mirror: string, context: ActionContext): Promise<boolean> {
  const { ask, random, signal, note, host } = context;
  for (let failures = 0; ; failures += 1) {
    try {
      const answer = await askInTime(url, {}, [404], { ask, signal, clock: host.clock });
      answer.close();
      return answer.status === 200;
    } catch (err) {
      signal.throwIfAborted();
      if (failures + 1 >= tries || err instanceof AppError) throw unreachable(mirror, err);
      note(`the mirror ${shownUrl(mirror)} does not answer; trying again`);
    }
    await host.clock.sleep(fullJitterMs(retryPolicy, failures, random), signal);
  }
}

function unreachable(mirror: string, cause: unknown): AppError {
  return new AppError(
    'image.unreachable',
    `the mirror ${shownUrl(mirror)} cannot be reached, and nothing was written; check that this machine has a way to it, or name one on its own network as mirror in the template`,
    { cause },
  );
}
