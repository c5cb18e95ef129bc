/** Which founding of a node writes objects under keys of its own, and from which number on. */
export interface KeyOwner {
  readonly clusterId: string
  readonly foundingId: string
  /** Objects with lower numbers were stored by a release whose keys did not name the founding. */
  readonly firstObjectId: number
}

const digits = 16

/** All that a cluster has in a store begins with this. */
export const clusterPrefix = (clusterId: string): string => `${clusterId}/`

/** The object that names the node of a cluster id: there is one for each cluster in a store. */
export const markerKey = (clusterId: string): string => `${clusterPrefix(clusterId)}node.properties`

/**
 * Under what keys a node keeps its objects. They name the founding: another node of the same cluster id, or the same one
 * founded anew, can neither overwrite these objects nor take them for its own. Two digits that change with every object
 * come next, so that a store can spread them.
 */
export class ObjectKeys {
  readonly #owner: KeyOwner
  /** Where objects of this founding lie. */
  readonly prefix: string
  readonly #formerPrefix: string

  constructor(owner: KeyOwner) {
    this.#owner = owner
    this.#formerPrefix = `${clusterPrefix(owner.clusterId)}objects/`
    this.prefix = `${this.#formerPrefix}${owner.foundingId}/`
  }

  get marker(): string {
    return markerKey(this.#owner.clusterId)
  }

  /** What has to be listed to see every object of this node. */
  get prefixes(): readonly string[] {
    return this.#owner.firstObjectId > 1 ? [this.#formerPrefix] : [this.prefix]
  }

  key(objectId: number): string {
    return `${objectId < this.#owner.firstObjectId ? this.#formerPrefix : this.prefix}${spread(objectId)}`
  }

  /** Undefined for a key that is no object's of this node. */
  idOf(key: string): number | undefined {
    const objectId = Number(key.slice(-digits))
    return Number.isSafeInteger(objectId) && key === this.key(objectId) ? objectId : undefined
  }
}

const spread = (objectId: number): string => `${(objectId % 256).toString(16).padStart(2, '0')}/${String(objectId).padStart(digits, '0')}`
