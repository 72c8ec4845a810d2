// From a workflow's last action to the sign of the installed system, over HTTP.
import { describe, expect, it } from 'vitest';
import { minute, Left, becomes, overdue } from './left.ts';

describe('a workflow whose template asks for a report', () => {
  it('succeeds with the report alone, which has a token good for that', async () => {
    const left = await Left.by('reporting');
    expect(left.phoneHome).toMatch(/\/api\/workflows\/[0-9a-f-]+\/report\?token=dfr_/);
    await left.wait(20 * minute);
    expect((await left.workflow()).state).toBe('STATE_RUNNING');
    expect((await left.machine()).state).toBe('Provisioning');
    expect((await left.report(`${left.phoneHome}x`)).status).toBe(403);
    expect((await left.report()).status).toBe(204);
    expect(await left.workflow()).toMatchObject({ state: 'STATE_SUCCESS', confirmed: true });
    expect((await left.machine()).state).toBe('Provisioned');
    expect((await left.report()).status).toBe(204);
  });

  it('takes the form that cloud-init sends', async () => {
    const left = await Left.by('reporting');
    const answer = await fetch(left.phoneHome, {
      method: 'POST',
      body: new URLSearchParams({ hostname: 'node-1', instance_id: 'i-1' }),
    });
    expect(answer.status).toBe(204);
    expect((await left.machine()).state).toBe('Provisioned');
  });

  it('ends in Error without it, whose machine still boots its disk, and is Provisioned by a late one', async () => {
    const left = await Left.by('reporting');
    await left.wait(30 * minute);
    await becomes(left, overdue);
    expect(await left.workflow()).toMatchObject({ state: 'STATE_FAILED' });
    expect(await left.script()).toBe('disk');
    expect((await left.report()).status).toBe(204);
    expect(await left.workflow()).toMatchObject({ state: 'STATE_SUCCESS', error: null });
    expect(await left.machine()).toMatchObject({
      state: 'Provisioned',
      last_workflow_result: { Success: {} },
    });
  });

  it('whose report comes late, when the machine has other work, changes nothing of that', async () => {
    const left = await Left.by('reporting');
    await left.wait(30 * minute);
    await becomes(left, overdue);
    const body = { machine_id: left.machineId, template: 'reporting', reimage: true };
    const { status } = await left.server.call('POST', '/api/workflows', { body });
    expect(status).toBe(201);
    const before = await left.machine();
    await left.report();
    expect(await left.machine()).toEqual(before);
  });

  it('is confirmed by the report though the last words of its agent were lost', async () => {
    const left = await Left.by('reporting', 'action_started');
    await left.checkIn('a');
    expect((await left.report()).status).toBe(204);
    expect(await left.workflow()).toMatchObject({ state: 'STATE_SUCCESS', confirmed: true });
  });

  it('takes no report once it was cancelled', async () => {
    const left = await Left.by('reporting');
    await left.server.call('POST', `/api/workflows/${left.workflowId}/cancel`);
    expect((await left.report()).status).toBe(409);
    expect((await left.machine()).state).toHaveProperty('Error');
  });

  it('shows nobody the token but the agent', async () => {
    const left = await Left.by('reporting');
    const shown = await left.server.call(
      'GET',
      `/api/templates/reporting/render?machine_id=${left.machineId}`,
    );
    const listed = await left.server.call('GET', `/api/workflows/${left.workflowId}`);
    expect(JSON.stringify([shown.body, listed.body])).not.toContain('dfr_');
  });
});
