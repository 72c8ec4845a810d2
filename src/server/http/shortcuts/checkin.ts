// A check-in as it comes over HTTP, on its short way and on the other one.
import type { IncomingMessage } from 'node:http';
import { Compile } from 'typebox/compile';
import { normalizeMac } from '../../../identity/macs.ts';
import { CheckinRequest, type CheckinResponse } from '../../../model/api/agent.ts';
import { refuseLimited } from '../../access/inside.ts';
import { asTold, speaksAsOperator, type Principal } from '../../access/principal.ts';
import { checkIn, type CheckinServices } from '../../checkin/checkins.ts';
import type { Overload } from '../../running/overload.ts';
import type { Services } from '../../services.ts';
import { isLoopback } from '../connections.ts';
import { apiHeaders, hostRule } from '../guard.ts';
import type { Turns } from '../pipelines.ts';
import { parseJson } from '../requests/json.ts';
import type { Shortcut } from './shortcuts.ts';

const check = Compile(CheckinRequest);
const refusals = new WeakMap<IncomingMessage, unknown>();

/** A check-in and where it came from, as in fastify's request. */
export interface SentCheckin {
  readonly body: CheckinRequest;
  readonly bodyBytes: number;
  readonly ip: string;
  readonly principal: Principal;
}

/** Errors: AppError `server.limited`, `server.busy`; as `checkIn`. */
export function takeCheckin(
  s: Omit<CheckinServices, 'client' | 'admitNew'> & { readonly overload: Overload },
  { body, bodyBytes, ip, principal }: SentCheckin,
): Promise<CheckinResponse> {
  const isStock = (body.boot_id ?? null) === null;
  const mac = normalizeMac(body.mac) ?? body.mac;
  const address = asTold(ip);
  // Everybody behind a proxy on this host has its address.
  const client = { mac, address, isShared: isLoopback(address), isStock };
  s.limits.checkin(client, bodyBytes);
  let isCounted = false;
  // A registration that begins anew, because somebody else wrote meanwhile, is still one.
  const admitNew = (): void => {
    if (!isCounted) s.limits.registration(client);
    isCounted = true;
  };
  const work = () => checkIn({ ...s, admitNew, client }, body, principal);
  return isStock ? s.overload.runAlways(work) : s.overload.run(work);
}

/** Takes plain check-ins ahead of fastify. */
export function checkinShortcut(path: string, s: Services, turns: Turns): Shortcut {
  const refuseNames = hostRule(s.publicUrl);
  const read = async (raw: IncomingMessage, bytes: Buffer): Promise<SentCheckin | undefined> => {
    const { authorization } = raw.headers;
    const ip = raw.socket.remoteAddress ?? '';
    const principal =
      s.auth.admitAtOnce(authorization, 'enrol') ??
      (await s.auth.admit('enrol', { authorization, isRead: false, address: ip }));
    if (principal.kind === 'anyone') refuseNames(raw);
    refuseLimited(principal);
    // It belongs in the audit log.
    if (speaksAsOperator(principal)) return undefined;
    // After its sender is known: nothing of a stranger's is parsed.
    const body = parseJson(bytes.toString('utf8'), 'mend');
    if (!check.Check(body)) return undefined;
    return { body, bodyBytes: bytes.length, ip, principal };
  };
  return {
    path,
    mostBytes: 64 * 1024,
    isQuiet: false,
    headers: apiHeaders,
    async answer({ bytes, raw, response }) {
      // Before anything is waited for: a request behind this one would go first, and its answer would wait for this one's.
      if (s.overload.refuses('checkin') || !turns.take(raw.socket, response)) return undefined;
      let sent: SentCheckin | undefined;
      try {
        sent = await read(raw, bytes);
        return sent && (await takeCheckin(s, sent));
      } catch (err) {
        // fastify sends it.
        if (sent !== undefined) refusals.set(raw, err);
        return undefined;
      }
    },
  };
}

/** Throws what a request was refused with on the short way, where nothing more is to be done for it. */
export function refuseAgain(raw: IncomingMessage): void {
  if (refusals.has(raw)) throw refusals.get(raw);
}
