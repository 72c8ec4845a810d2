// The switches at a machine's ports, as heartbeats tell them. Pure.
import type { HeartbeatRequest } from '../../../model/api/agent.ts';
import type { Machine } from '../../../model/machine.ts';
import { withinLimit } from './limit.ts';

/** The machine with the neighbours of those ports that it has. */
export function withNeighbours(
  machine: Machine,
  neighbours: NonNullable<HeartbeatRequest['neighbours']>,
): Machine {
  const { hardware } = machine;
  const byPort = new Map(neighbours.map((one) => [one.interface, one.neighbour]));
  const network_interfaces = hardware.network_interfaces.map((port) => {
    const neighbour = byPort.get(port.name);
    return neighbour === undefined ? port : { ...port, neighbour };
  });
  return withinLimit({ ...machine, hardware: { ...hardware, network_interfaces } });
}
