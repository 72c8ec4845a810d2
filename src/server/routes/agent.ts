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
import { agentBody } from '../http/requests/agent-body.ts';
import { heartbeat } from '../checkin/heartbeats.ts';
import type { App, Services } from '../services.ts';
import { errors } from './route.ts';

export const heartbeatPath = '/api/agent/heartbeat';

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
      const { ip: address, body } = request;
      const mac = normalizeMac(body.mac) ?? body.mac;
      // Everybody behind a proxy on this host has its address.
      const client = { mac, address, isShared: isLoopback(address), isStock };
      s.limits.checkin(client, request.bodyBytes);
      let isCounted = false;
      // A registration that begins anew, because somebody else wrote meanwhile, is still one.
      const admitNew = (): void => {
        if (!isCounted) s.limits.registration(client);
        isCounted = true;
      };
      const work = () => checkIn({ ...s, admitNew, client }, request.body, request.principal);
      return isStock ? s.overload.runAlways(work) : s.overload.run(work);
    },
  );
  app.post(
    heartbeatPath,
    {
      config: { access: 'agent', quiet: true, changesNothing: true },
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
