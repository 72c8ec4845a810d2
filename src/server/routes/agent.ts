// Check-in and heartbeat, the routes that agents call all the time.
import {
  CheckinRequest,
  CheckinResponse,
  HeartbeatRequest,
  HeartbeatResponse,
} from '../../model/api/agent.ts';
import { normalizeMac } from '../../identity/macs.ts';
import { checkIn } from '../checkin/checkins.ts';
import { isLoopback } from '../http/connections.ts';
import { agentBody } from '../http/agent-body.ts';
import { heartbeat } from '../checkin/heartbeats.ts';
import type { App, Services } from '../services.ts';
import { errors } from './route.ts';

export function agentRoutes(app: App, s: Services): void {
  app.post(
    '/api/agent/checkin',
    {
      config: { access: 'enrol' },
      validatorCompiler: agentBody(CheckinRequest),
      schema: {
        tags: ['agent'],
        summary: 'Check in: describe a machine and learn which one it is',
        body: CheckinRequest,
        response: { 200: CheckinResponse, ...errors },
      },
    },
    (request) => {
      const isStock = (request.body.boot_id ?? null) === null;
      // A stock agent whose first check-in is refused waits for a key at its console.
      const address = isStock || isLoopback(request.ip) ? undefined : request.ip;
      const { mac } = request.body;
      const bytes = Number(request.headers['content-length'] ?? 0);
      s.limits.checkin(normalizeMac(mac) ?? mac, address, bytes);
      const admitNew = (): void => {
        if (address !== undefined) s.limits.registration(address);
      };
      const work = () => checkIn({ ...s, admitNew }, request.body, request.principal);
      return isStock ? s.overload.runAlways(work) : s.overload.run(work);
    },
  );
  app.post(
    '/api/agent/heartbeat',
    {
      config: { access: 'agent', quiet: true },
      validatorCompiler: agentBody(HeartbeatRequest),
      schema: {
        tags: ['agent'],
        summary: 'Send a heartbeat and learn what to do',
        body: HeartbeatRequest,
        response: { 200: HeartbeatResponse, ...errors },
      },
    },
    (request) => heartbeat(s, request.body, request.principal),
  );
}
