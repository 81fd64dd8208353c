/** Lowest and highest of what is drawn by chance: `[lo, hi)`. */
type DrawnRange = readonly [number, number];

const between = (lo: number, hi: number): DrawnRange => [lo, hi];

const MIB = 1024 * 1024;

/**
 * Every limit and time of the machines, by the part that reads it. All are ours: peers go on understanding us
 * whatever stands here, but for `frame`. What is lost past a limit stands beside it, and in the table of README.md.
 */
const DEFAULTS = {
  frame: {
    /** Ids in one `fetch`, `ids_page`, `ihave`: near 200 KB of JSON. Peers refuse frames with more. */
    idsMax: 4096,
  },

  partners: {
    /** With at most this many other members each is a partner of each: all of them together cost less than a tree. */
    smallGroupOthersMax: 8,
    /** How long an unreachable partner is left alone: doubling from the first to the second, so that who is gone costs little. */
    downFirstMs: 5_000,
    downMaxMs: 600_000,
    /** Sends that fail in a row over a connection that stands, before its peer counts as lost: one may pass. */
    failuresMax: 3,
    /** After finding nobody to choose, how long before looking again, for each look goes through all members. */
    exhaustedMs: 1_000,
    /** Random draws before looking at every member in turn: in a large group one of them nearly always finds somebody. */
    drawsMax: 16,
    /** How long after a link changed frames may still arrive that were sent before. */
    linkSettledMs: 2_000,
  },

  plumtree: {
    /** Ids for one peer are gathered this long before an IHAVE is sent: a busy group sends few. */
    ihaveBatchMs: 100,
    /**
     * How long after an IHAVE the body may still come by itself (the original waits 3 s): in a small group straight
     * from its author, in a large one along the tree. There it is drawn between the two, because all nodes behind a
     * broken link miss the same body, and the first graft mends it for all of them.
     */
    graftDelaySmallMs: 500,
    graftDelayMs: between(1_000, 4_000),
    /** How long a holder has to deliver before the next one is asked: a round trip and a large body on a slow line. */
    graftRetryMs: 3_000,
    /** A fetch always ends in an event; past this it is taken for lost all the same. */
    fetchLostMs: 120_000,
    /** Before, another holder is asked beside the one whose fetch goes on: a large body on a slow line takes as long. */
    fetchSlowMs: 10_000,
    /** A holder that could not be reached is asked again, or the next one, after this. */
    reaskMs: 1_000,
    /** The table of missing ids is gone through at most this often by itself, for it may be long. */
    sweepMs: 50,
    /** Ids in one graft: each may bring back a whole message. Of one that names more the rest is not answered. */
    graftIdsMax: 256,
    /** A peer that goes on pushing what we hold is told to stop this often: the first may have been lost. */
    pruneRepeatMs: 1_000,
    /** Bodies pushed for one peer's grafts: at once, and refilled per second. Past it nothing is sent; comparison repairs. */
    graftBurst: 1024,
    graftPerSecond: 128,
    /** Pulled ids remembered. Past it the oldest is forgotten, and those behind us on the tree graft it. */
    pulledMax: 1024,
    /** Messages whose first bringer is remembered. Past it the oldest is forgotten, and a late copy prunes its link. */
    bringersMax: 1024,
  },

  cycleCut: {
    /** A crowd: the message before the latest came within this, so several may be under way. */
    crowdMs: 500,
    /** In a crowd, a link must bring duplicates for a time drawn up to this before it is pruned. */
    confirmMs: 2_000,
    /** Duplicates further apart than this do not belong together. */
    streakMs: 1_000,
  },

  missingIds: {
    /** Ids waited for at once. Past it new ones are ignored; comparison finds them. */
    idsMax: 8192,
    /** Ids waited for at once because one peer named them first, so that one peer cannot fill the table. Past it as above. */
    perPeerMax: 1024,
    /** Peers remembered to hold one missing id. The later ones are not asked. */
    holdersMax: 8,
    /** Times an id is asked for. Past it the id is left to comparison. */
    asksMax: 8,
  },

  catchUp: {
    /** As the original's: a member is compared again no sooner, and somebody is compared this often. */
    compareEveryMs: between(24_000, 36_000),
    /** After a comparison that left ids missing: they may be there soon. */
    partialCooldownMs: between(5_000, 10_000),
    /** After a failed one: doubling from the first to the second, so that who cannot answer costs little. Kept over reconnects for who listed and did not deliver. */
    failureFirstMs: 5_000,
    failureMaxMs: 300_000,
    /** Right after a pull that brought something, so many others are compared at a time in this range: the news spreads. */
    spreadTo: 2,
    spreadAfterMs: between(500, 3_000),
    /** A pull without progress for this long is given up: far above every deadline of the daemon. */
    pullStalledMs: 120_000,
    /** A question for status is taken for lost after this: far above its deadline. */
    askLostMs: 60_000,
    /** Peers known to differ that wait while others deliver. Past it they are compared in their turn. */
    waitingMax: 64,
    /** A pull of more ids than this is a back-fill: its messages are old news and not offered on. */
    backfillIds: 256,
    /** Refused ids are not asked of the same peer again for a while. Past the maximum the oldest is asked for once more. */
    refusedMax: 4096,
    refusedMs: 600_000,
    /**
     * Roots differ all the time where messages are under way. If something fresh came this recently and the counts are
     * this close, the peer is asked once more after this, before its ids are paged through.
     */
    confirmAfterMs: 4_000,
    confirmCountMax: 16,
    /**
     * What a peer says of its copy with a question of its own, while we have asked it nothing, is looked at no sooner
     * than this after the last look: a partial pull is repeated as soon, so asking often brings a peer nothing. What
     * comes sooner is ignored; the next comparison finds it.
     */
    offeredEveryMs: 10_000,
    /** A peer met again is compared at once, unless it was asked less than this ago: connections may flap. */
    metAgainMs: 1_000,
    /** Every so many comparisons by the timer one goes to a member we are not connected with, which may be there by now. */
    strangerEvery: 3,
  },

  pull: {
    /** Ids waiting to be fetched or in flight. Past it the next page is asked for later. */
    pendingMax: 8192,
    /**
     * Ids in one fetch of a pull, and fetches in flight: bodies flow while the next page travels. The first fetch is
     * alone until the member has shown that it delivers; what takes longer than a claim makes later ones smaller, so
     * that no member is asked for much more than it delivers in a second, nor holds up more.
     */
    fetchIds: 512,
    fetchesMax: 4,
    /** Others that list an id may be asked for it too when who was asked first has not delivered by then. */
    claimMs: 1_500,
    /** A pull that brings nothing for this long no longer keeps others from starting beside it. */
    keepsUpMs: 750,
    /** Nor does one that brings fewer messages a second than this, taken from its first fetch on: however honest, others add to it. */
    perSecondMin: 1_000,
    /** Pages of ids that are here count as bringing something for so long: a member could go on listing them. */
    listingMs: 5_000,
    /** Pulls at once. Past it the one that has brought nothing for longest, and at least this long, makes room. */
    pullsMax: 8,
    turnMs: 3_000,
    /** A page of fewer ids than this is no progress, unless it is the last: an honest one is full. */
    pageProgressIds: 1024,
    /** Times a batch is fetched. Past it its ids count as not to be had there. */
    fetchTries: 2,
  },

  rosterExchange: {
    /** One peer is asked for its roster no more often than this: several things at once may call for it. */
    askMs: 5_000,
    /** A peer that cannot say its roster head is asked for the whole log this often. */
    askBlindMs: 600_000,
    /** A peer that sent a broken or forked log is left alone this long: every look at one costs signatures. */
    badMs: 600_000,
    /** A peer that stays behind is told of our roster no more often than this. */
    pushMs: 30_000,
    /** Peers told at once of a change made here. The others hear of it from them. */
    pushPeersMax: 64,
  },

  retryQueue: {
    /** As the original's: decorrelated jitter from the first to the second, and sends in all. Past them the send is dropped and reported; comparison finds the message. */
    delayMinMs: 1_000,
    delayMaxMs: 60_000,
    attemptsMax: 10,
    /** One for each peer and message. Past it a failed send is not retried; comparison finds the message. */
    entriesMax: 4096,
    /** A send that has not failed for this long arrived: far above every deadline of the daemon. */
    settledMs: 120_000,
  },

  quarantine: {
    /** What is held in all. Past it the oldest of the sender that fills most is dropped; comparison finds it. */
    countMax: 1024,
    bytesMax: 8 * MIB,
    /** What one sender may fill: a quarter. Past it its own oldest is dropped. */
    senderCountMax: 256,
    senderBytesMax: 2 * MIB,
    /** Long enough for a roster to arrive through the exchange of status. Past it the message is dropped; comparison finds it. */
    heldMs: 600_000,
  },

  join: {
    /** As the original's. The wait between two passes over the candidates, doubling to the longest. */
    waitFirstMs: 500,
    waitMaxMs: 3_000,
    /** A candidate that has not answered by then no longer holds up the next one; its answer still counts. */
    staggerMs: 2_000,
    /** Candidates tried; an invite names five by default. The later ones are not. */
    candidatesMax: 32,
  },

  redeem: {
    /** The wait between two tries while the issuer is away, doubling to the longest: somebody waits for it. */
    waitFirstMs: 500,
    waitMaxMs: 5_000,
  },

  dialBackoff: {
    /** As the original's. The first wait after a failed dial, doubling to the longest. */
    waitFirstMs: 1_000,
    waitMaxMs: 300_000,
    /** Past it the peer whose dial failed longest ago may be dialled at once. */
    peersMax: 4096,
  },

  time: {
    /** How far two clocks may be apart that have the same time, and how far one may jump unnoticed. */
    toleranceMs: 600_000,
    /** What a member said of the time counts for a day; a clock that nobody is heard beside is believed after one. */
    heardMs: 86_400_000,
    aloneMs: 86_400_000,
    /** While less than half of the members were heard, the others may still come, and see another day. */
    settleMs: 60_000,
  },

  rateLimit: {
    /** For one peer. Above what two cores verify: 40,000 messages of 600 bytes a second, as JSON. Past it the peer is read slower. */
    framesPerSecond: 2_000,
    framesBurst: 4_000,
    bytesPerSecond: 64 * MIB,
    bytesBurst: 128 * MIB,
    /** Past it the peer heard from longest ago starts again with full buckets. */
    peersMax: 4096,
  },

  strangers: {
    /** Frames of one key that is a member of nothing here: a link to show, or the entries that make it a member. Past it it waits. */
    framesPerSecond: 2,
    framesBurst: 16,
    bytesPerSecond: 16 * 1024,
    bytesBurst: 128 * 1024,
    /** Of all whose connections come from one host, or over one relay: a fourth of what all have, so that many keys there keep nobody out elsewhere. */
    hostFramesPerSecond: 8,
    hostFramesBurst: 32,
    hostBytesPerSecond: 48 * 1024,
    hostBytesBurst: 512 * 1024,
    hostsMax: 1024,
    /** Of all of them together: what costs most to read takes 13 ms for 48 KiB, so a twentieth of one core. */
    allFramesPerSecond: 32,
    allFramesBurst: 128,
    allBytesPerSecond: 192 * 1024,
    allBytesBurst: 2 * MIB,
    /** How long a frame waits for its turn. Past it its stream is dropped. */
    waitMaxMs: 2_000,
    peersMax: 4096,
  },

  work: {
    /**
     * Milliseconds of the processor, by the price of what is asked (`node/carrier/prices.ts`): of one member, and of all
     * together, so that a good part of one core is left to the node's own. A newcomer that reads 100,000 messages spends
     * half a burst.
     */
    perSecondMs: 400,
    burstMs: 5_000,
    allPerSecondMs: 600,
    allBurstMs: 10_000,
    /** What each member may spend whatever all spend: to compare, to announce, to be told of the roster. */
    surePerSecondMs: 10,
    sureBurstMs: 200,
    /** How long a question waits until it can be paid. Past it it is refused. */
    waitMaxMs: 5_000,
    /** Questions of one peer that wait so. Past it they are refused at once. */
    waitingMax: 16,
    peersMax: 4096,
  },

  held: {
    /** Frames of peers, and bodies they announced, while they come and are looked at. Past it a stream is dropped. */
    incoming: { perPeerBytes: 6 * MIB, totalBytes: 14 * MIB, stalledMs: 5_000 },
    /**
     * Answers to what we ask by ourselves: where there is no room, who brings most messages has it, and what has come for
     * longer than a second makes room for anybody who brings as much.
     */
    asked: { perPeerBytes: 6 * MIB, totalBytes: 14 * MIB, stalledMs: 5_000, slowMs: 1_000 },
    /** The same of all who are members of nothing here. */
    strangers: { perPeerBytes: 192 * 1024, totalBytes: 4 * MIB, stalledMs: 1_000 },
    /** Answers made and not read yet. Past it a question waits, then is refused. */
    answers: { perPeerBytes: 8 * MIB, totalBytes: 24 * MIB, stalledMs: 5_000 },
    /** Frames that wait to be sent. Past it they are not; comparison finds what they said. */
    outgoing: { perPeerBytes: 8 * MIB, totalBytes: 24 * MIB, stalledMs: 5_000 },
  },
};

/** The limits and times of the machines. Each machine is given all of them and reads its own. */
export type MachineConfig = {
  readonly [Part in keyof typeof DEFAULTS]: Readonly<(typeof DEFAULTS)[Part]>;
};

/** What daemons run with. */
export const MACHINE_DEFAULTS: MachineConfig = DEFAULTS;
