// The plan of a workflow in words: the disk, what is lost, what is done, and when it is done.
import type { Plan } from '../../model/documents/plan.ts';
import type { PlannedDisk } from '../../model/documents/planned-disk.ts';
import { formatDisk } from '../parts/format.ts';

/** The sign of success after the last action. */
const signs: Readonly<Record<Exclude<Plan['confirmation'], 'none'>, string>> = {
  report: 'the installed system reports',
  absence: 'the machine has left for its disk and stays away',
  boot: 'the machine checks in from its next boot, or stays away',
};

export function PlanView({ plan }: { plan: Plan }) {
  const { disk, overwrites, lost, left_alone, actions, warnings, confirmation } = plan;
  const minutes = Math.round(plan.confirmation_seconds / 60);
  return (
    <div class="plan">
      {disk !== null && (
        <p>
          <b>{overwrites ? 'Overwritten' : 'Used'}:</b> {diskText(disk)}
        </p>
      )}
      {lost.length > 0 && (
        <p class="problem">
          <b>Lost:</b> {lost.join(', ')}
        </p>
      )}
      {left_alone.length > 0 && (
        <p>
          <b>Left alone:</b> {left_alone.map(diskText).join('; ')}
        </p>
      )}
      <ol class="plain">
        {actions.map(({ action, does }, i) => (
          <li key={i}>
            <b>{action}</b> {does}
          </li>
        ))}
      </ol>
      {warnings.length > 0 && (
        <div class="warnings">
          <b>Warnings</b>
          <ul>
            {warnings.map((warning) => (
              <li key={warning}>{warning}</li>
            ))}
          </ul>
        </div>
      )}
      {confirmation !== 'none' && (
        <p>
          <b>Done when</b> {signs[confirmation]}, within {minutes} minutes of the last action.
        </p>
      )}
      <p class="quiet">
        Its agent begins at its next heartbeat, or when the machine boots from the network.
      </p>
    </div>
  );
}

function diskText({ device, model, serial, size_bytes }: PlannedDisk): string {
  const parts = [model, serial === null ? null : `serial ${serial}`, formatDisk(size_bytes)];
  return `${device} (${parts.filter((part) => part !== null).join(', ')})`;
}
