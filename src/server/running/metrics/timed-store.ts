// Wraps a store so that its operations are timed for the metrics.
import type { Clock } from '../../../core/clock.ts';
import type { Store } from '../../../store/store.ts';
import type { Metrics } from './metrics.ts';
import type { StoreHealth } from '../store-health.ts';

type Operation = (...args: unknown[]) => unknown;
/** Gives an operation in the place of one, by a name such as "machines.put". */
export type Wrap = (name: string, operation: Operation) => Operation;

/** Answers from memory, which every heartbeat asks for, and no operation of the backend. */
const untimed: ReadonlySet<string> = new Set(['watchAgeMs', 'damage.known', 'settled']);

export function timedStore(
  store: Store,
  clock: Clock,
  metrics: Metrics,
  health: StoreHealth,
): Store {
  return wrapStore(store, (name, operation) =>
    untimed.has(name) ? operation : time(operation, name, { clock, metrics, health }),
  );
}

/** A store of which each operation is wrapped. */
export function wrapStore(store: Store, wrap: Wrap): Store {
  return wrapped(store, '', wrap);
}

function wrapped<T extends object>(target: T, path: string, wrap: Wrap): T {
  const known = new Map<string | symbol, unknown>();
  return new Proxy(target, {
    get(_, name) {
      if (known.has(name)) return known.get(name);
      const property: unknown = Reflect.get(target, name);
      let made = property;
      // A generator is made of calls to the others, which it makes on this proxy.
      if (isGenerator(property)) made = property;
      else if (isOperation(property)) made = wrap(path + String(name), property.bind(target));
      else if (isCollection(property)) made = wrapped(property, `${String(name)}.`, wrap);
      known.set(name, made);
      return made;
    },
  });
}

function isOperation(property: unknown): property is Operation {
  return typeof property === 'function';
}

function isGenerator(property: unknown): boolean {
  return isOperation(property) && property.constructor.name === 'AsyncGeneratorFunction';
}

function isCollection(property: unknown): property is object {
  return typeof property === 'object' && property !== null;
}

interface Watch {
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly health: StoreHealth;
}

function time(operation: Operation, name: string, { clock, metrics, health }: Watch): Operation {
  return (...args) => {
    const startedMs = clock.elapsedMs();
    const observe = (outcome: string, err?: unknown): void => {
      health.note(name, err);
      const seconds = (clock.elapsedMs() - startedMs) / 1000;
      metrics.store.observe({ operation: name, outcome }, seconds);
    };
    const result = operation(...args);
    if (result instanceof Promise) {
      result.then(
        () => observe('ok'),
        (err: unknown) => observe('failed', err),
      );
    }
    return result;
  };
}
