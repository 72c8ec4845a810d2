// The short way of a heartbeat that memory can answer.
import { Compile } from 'typebox/compile';
import { HeartbeatRequest } from '../../../model/api/agent.ts';
import { heartbeatAtOnce, type HeartbeatServices } from '../../checkin/heartbeats.ts';
import { hostRule } from '../guard.ts';
import { parseJson } from '../requests/json.ts';
import type { Shortcut } from './shortcuts.ts';

const check = Compile(HeartbeatRequest);

export function heartbeatShortcut(
  path: string,
  s: HeartbeatServices & { readonly publicUrl: string | undefined },
): Shortcut {
  const refuseNames = hostRule(s.publicUrl);
  return {
    path,
    // Larger than any heartbeat without news.
    mostBytes: 1024,
    isQuiet: true,
    headers: [],
    answer({ bytes, raw }) {
      try {
        const body = parseJson(bytes.toString('utf8'), 'mend');
        if (!check.Check(body)) return undefined;
        const by = s.auth.admitAtOnce(raw.headers.authorization, 'agent', body.machine_id);
        if (by?.kind === 'anyone') refuseNames(raw);
        return by && heartbeatAtOnce(s, body, by);
      } catch {
        // fastify refuses it as well, and sends the answer.
        return undefined;
      }
    },
  };
}
