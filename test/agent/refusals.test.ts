// An agent that the server answers with 4xx: it does not repeat at once, and says so.
import { describe, expect, it } from 'vitest';
import type { Subject } from '../../src/agent/subject.ts';
import { AppError } from '../../src/core/errors.ts';
import type { HeartbeatRequest } from '../../src/model/api/agent.ts';
import { machine, MemoryServer, startLoop } from '../transport/memory-server.ts';

const minuteMs = 60_000;

function refusal(status: number): AppError {
  return new AppError('server.rejected', `answered ${status}: because`, { details: { status } });
}

/** An agent whose every heartbeat goes through `refuse` first. */
function startAgent(refuse: (request: HeartbeatRequest) => AppError | undefined) {
  const server = new MemoryServer();
  const heartbeats: HeartbeatRequest[] = [];
  const heartbeat = server.heartbeat.bind(server);
  server.heartbeat = async (request) => {
    heartbeats.push(request);
    const err = refuse(request);
    if (err !== undefined) throw err;
    return heartbeat(request);
  };
  const agent = startLoop({ transport: server });
  const reported = () => server.received.flatMap((r) => ('problems' in r && r.problems) || []);
  return { server, agent, heartbeats, reported };
}

describe('an agent', () => {
  it('tells with a later heartbeat that one was refused, once however often that happens', async () => {
    let left = 3;
    const { agent, heartbeats, reported } = startAgent(() =>
      left-- > 0 ? refusal(422) : undefined,
    );
    await agent.clock.advance(10 * minuteMs);
    await agent.stop();
    expect(reported()).toEqual([
      {
        code: 'server.rejected',
        section: 'agent',
        source: 'server',
        message: 'answered 422: because',
      },
    ]);
    expect(heartbeats[3]?.problems).toBeDefined();
  });

  it('tells it again when the server has taken something in between', async () => {
    let count = 0;
    const { agent, reported } = startAgent(() =>
      [0, 4].includes(count++) ? refusal(400) : undefined,
    );
    await agent.clock.advance(10 * minuteMs);
    await agent.stop();
    expect(reported()).toHaveLength(2);
  });

  it('tells nothing of a conflict, which the server has found itself', async () => {
    let left = 2;
    const { agent, reported } = startAgent(() => (left-- > 0 ? refusal(409) : undefined));
    await agent.clock.advance(10 * minuteMs);
    await agent.stop();
    expect(reported()).toEqual([]);
  });

  it('keeps its problems through a conflict', async () => {
    const answers = [refusal(400), refusal(409)];
    const { agent, reported } = startAgent(() => answers.shift());
    await agent.clock.advance(10 * minuteMs);
    await agent.stop();
    expect(reported()).toMatchObject([{ message: 'answered 400: because' }]);
  });

  it('goes on beating with a server that takes no problems at all', async () => {
    let isRefused = true;
    const { agent, heartbeats } = startAgent((request) => {
      const refuse = isRefused || request.problems !== undefined;
      isRefused = false;
      return refuse ? refusal(400) : undefined;
    });
    await agent.clock.advance(30 * minuteMs);
    await agent.stop();
    expect(heartbeats.filter((h) => h.problems !== undefined)).toHaveLength(1);
    expect(heartbeats.length).toBeGreaterThan(50);
    expect(agent.states.at(-1)).toMatchObject({ phase: 'beating', failures: 0 });
  });

  it('tells that an event was refused, and delivers the others', async () => {
    const server = new MemoryServer();
    server.action = 'reboot';
    const sendEvent = server.sendEvent.bind(server);
    server.sendEvent = async (id, event) => {
      if (id === 'deleted') throw refusal(404);
      return sendEvent(id, event);
    };
    const subject: Subject = {
      ...machine(),
      async act(_order, context) {
        context.event('deleted', { type: 'completed', workflow: 'deleted', success: true });
        context.event('alive', { type: 'completed', workflow: 'alive', success: true });
        return { final: true };
      },
    };
    const agent = startLoop({ transport: server, subject });
    await agent.clock.advance(minuteMs);
    await agent.stop();
    expect(server.events).toMatchObject([{ workflow: 'alive' }]);
    expect(server.received.flatMap((r) => ('problems' in r && r.problems) || [])).toMatchObject([
      { source: 'event "completed"', message: 'answered 404: because' },
    ]);
  });

  it('tells after it is registered that its check-in was refused before', async () => {
    const { server, agent, reported } = startAgent(() => undefined);
    const checkIn = server.checkIn.bind(server);
    let left = 1;
    server.checkIn = async (request) => {
      if (left-- > 0) throw refusal(413);
      return checkIn(request);
    };
    await agent.clock.advance(10 * minuteMs);
    await agent.stop();
    expect(reported()).toMatchObject([{ message: 'answered 413: because' }]);
  });
});
