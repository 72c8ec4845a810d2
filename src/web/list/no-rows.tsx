// The notices that stand in for an empty list of machines.
import { useFleet, useLive, useMay, useServices } from '../context.ts';
import { Notice } from '../parts/parts.tsx';

/** Says why the list is empty. */
export function NoRows({ query, onClear }: { query: string; onClear: () => void }) {
  const { live } = useServices();
  const { load, problem } = useLive();
  const { total, fault } = useFleet();
  if (fault !== undefined) {
    return (
      <Notice kind="error" title="This filter cannot be used.">
        <p>{fault}</p>
        <button type="button" onClick={onClear}>
          Show all {total.toLocaleString('en')}
        </button>
      </Notice>
    );
  }
  if (load === 'failed' && total === 0) {
    return (
      <Notice kind="error" title="The machines could not be read.">
        <p>{problem}</p>
        <button type="button" onClick={() => live.start()}>
          Try again
        </button>
      </Notice>
    );
  }
  if (load === 'loading') return <Notice kind="busy" title="Reading machines…" />;
  if (total > 0) {
    return (
      <Notice kind="empty" title="No machine matches this filter.">
        <p>
          <code>{query}</code>
        </p>
        <button type="button" onClick={onClear}>
          Show all {total.toLocaleString('en')}
        </button>
      </Notice>
    );
  }
  return <NoMachines />;
}

/** The notice of a server without machines, or of a token that is shown none. */
export function NoMachines() {
  const { within } = useMay();
  if (within !== undefined) {
    return (
      <Notice kind="empty" title="This token may not see machines.">
        <p>None is tagged {within.join(' or ')}.</p>
      </Notice>
    );
  }
  return (
    <Notice kind="empty" title="No machine has checked in yet.">
      <p>Boot one from the network, or start the agent on a host:</p>
      <pre>dragonfly-agent run --server {location.origin}</pre>
      <p>It will show up here by itself.</p>
    </Notice>
  );
}
