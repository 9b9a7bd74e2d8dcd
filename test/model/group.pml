/* SPDX-License-Identifier: MIT */
/*
 * group.pml - locks that several share, for the model checker Spin.
 *
 * protocol.pml proves how one holder takes, refreshes and releases a lock, and
 * how a breaker breaks it.  This model adds groups, and has only as much of the
 * rest as can meet a group.  LOCK is a link to an exclusive claim, or to the
 * claim G of a group.  S(G) is the group's directory.  A sharer has a file c
 * and a warrant w(c) in S(G).  W(x) is the warrant of a claim x.
 *
 * The model is built on late requests.  Any request may be on the way for ever;
 * its caller may have given up and gone on, or may be dead; and its reply may
 * be lost.  So the model does not follow each process through a takedown.  It
 * asks what justifies a request.  Once somebody has seen what justifies it,
 * World executes that request at any time, as often as the server lets it
 * succeed.  So any number of processes close a group, break it, evict its
 * sharers and sweep up at once, and each of them may stop anywhere.  A claim's
 * maker has states of its own: a Sharer or an Exclusive.
 *
 *	request			may arrive as soon as
 *	rmdir W(x), w(c), S(G)	it exists, whoever sends it; it must be empty
 *	unlink claim x		W(x) is gone: a withdrawal, a break, a sweep;
 *				or LOCK was seen to be x, which may be released
 *				(aimed): the gate of a release
 *	rename LOCK to W(x)	somebody has passed the gate (gated); once
 *	rename LOCK to the	the breaker has seen W(x) gone, x breakable and
 *	  breaker's warrant	LOCK to be x, and nobody has pushed it aside
 *	unlink c		c was left, or its process is dead (cletgo);
 *				or w(c) was gone, and then the lease was seen to
 *				be over (cdoomed)
 *	link x to LOCK		x was made: its file may have a name that others
 *				have given to it, such as .nfs...
 *
 * A group may be released or broken once S(G) is gone; an exclusive claim, once
 * nobody relies on it (letgo): it was released, its lease is over, or its
 * process is dead.  An exclusive holder never renews its lease here; what
 * renewals have to heed is proved in protocol.pml.  A sharer does renew it.
 *
 * A late mkdir or create in S(G) has the effect of a sharer that joins and goes
 * away at once, and so another Sharer stands for it.  A late mkdir of S(G) is
 * harmless unless its maker uses the name again (-DAGAIN).
 *
 * REMOVE of NFS 4 has no type.  That changes nothing here, since each name is
 * either always a file or always a directory: LOCK, x and c are files; S(G),
 * W(x) and w(c) are directories.
 *
 * These steps count as one, because nobody could tell the difference:
 *  - to make a claim x and W(x), because nobody knows the name before;
 *  - to discard W(x)/lock and W(x), because nobody uses W(x) again;
 *  - to remove c and w(c) after c was left: what counts is whether S(G) is
 *    empty;
 *  - to create c and to set its lease: the lease may be over at once.
 * A breaker may push another aside at any time, and whoever does has cleaned up
 * behind it.
 *
 * Spin checks these assertions.  A takedown removes the lock file that was
 * meant, and nobody relies on that lock.  Nobody links to LOCK while anybody
 * relies on a lease.  Who comes to rely on a lease has LOCK, and relies on it
 * alone or with sharers of the same group.  Nobody removes c while its sharer
 * relies on it.
 *
 * With -DREUSE a new claim may get the inode number of one that is gone, and
 * this number is all by which a process knows LOCK.  Only then it matters that
 * a founder dates W(G).  Others make no links then.
 *
 * The model does not prove what protocol.pml does not prove, except for late
 * requests, nor anything about a late request that sets a time, or about
 * programs that remove LOCK, w(c) or c against the rules; nor that an exclusive
 * waiter gets the lock while sharers come and go.  A sharer joins each group
 * once at most.
 *
 * A sharer that joins may have read LOCK long ago.  Whoever looks at LOCK in a
 * refresh does so only because of programs that break the rules; so here no
 * sharer looks.
 *
 * Each of these takes out one guard, and Spin must find a violation:
 *	RMTREE		S(G) can be removed with a sharer in it.
 *	OPENBREAK	A group is broken although S(G) is there.
 *	OPENCLOSE	A sharer that leaves releases a group although S(G) is
 *			there.
 *	DEADDIR		A name can be made in a directory that was removed.
 *	AGAIN		S(G) is made again, by a mkdir that was late.
 *	DIRLAST		A founder makes S(G) after its link.
 *	JOINANY		A sharer joins a group that LOCK never was.
 *	NODATE		A sharer that joins does not date w(c).
 *	NODATEWON	A founder that has won does not date w(c).
 *	FILEFIRST	A sharer makes c before w(c).
 *	ASKFIRST	A refresh looks at w(c) before it renews.
 *	EVICTKEEPS	Who evicts leaves w(c) in place.
 *	EVICTBLIND	Who evicts does not look at the lease again.
 *	EVICTEARLY	Who evicts looks at the lease before it removes w(c).
 *	ALIVE		A sharer counts as dead although it lives.
 *	NOGATE		A release does not remove G first.
 *	BLIND		A release's takedown works without W(G), like unlink(2).
 *	NOREVOKE	A breaker leaves W(G) in place.
 *	NOPROOF		A breaker does not look whether LOCK is G.
 *	EARLY		A breaker looks at LOCK before it removes W(G).
 *	NOGUARD		Breakers do not exclude each other.
 * and with REUSE:
 *	NOFSTAT		A breaker does not look whether its victim's file is
 *			still there.
 *	NODATEG		A founder that has won does not date W(G).
 *	CLAIMFIRST	Who withdraws removes G before W(G).
 * These guards are for what a crash may leave.  Spin must find that LOCK can be
 * a group which only this guard takes down:
 *	NOEVICT		Nobody evicts a sharer whose lease is over.
 *	ORPHANS		Nobody removes w(c) if c was never made.
 *	STAYS		Only a sharer that leaves removes S(G).
 *	KEEPS		Only a release takes down a group without S(G).
 *	KEEPFULL	A breaker keeps off a warrant with the lock file in it,
 *			although LOCK is the victim's again.
 */
#ifndef NS
#define NS	2		/* sharers */
#endif
#ifndef NG
#define NG	2		/* of these, how many found a group */
#endif
#ifndef NX
#define NX	1		/* exclusive claims */
#endif
#if NG > 2 || NX > 2 || NS > 3 || NS < NG
#error "the lists below are too short for that"
#endif

#define has(set, x)	(((set) >> (x)) & 1)
#define add(set, x)	set = set | (1 << (x))
#define del(set, x)	set = set & ~(1 << (x))

/*
 * Claims count from 1, groups before exclusive claims; 0 is none.  So do
 * sharers.  C() is the bit of what a sharer has in a group.
 */
#define C(g, p)		(((g) - 1) * NS + (p) - 1)
#define MEMBERS(g)	(((1 << NS) - 1) << (((g) - 1) * NS))
#define IS_GROUP(x)	((x) <= NG)

/* On the file server, beside LOCK. */
byte lock_;		/* the claim that LOCK is a link to */
byte claim_;		/* claim files */
byte warrant;		/* their warrants */
byte used;		/* ... with the lock file in them */
byte sdir;		/* groups' directories */
byte bstep;		/* what the breaker has done; see below */
byte bv;		/* its victim */

/* What is so, or may be believed, of claims. */
byte was;		/* was the lock file once */
byte aimed;		/* somebody has seen that LOCK is it, and releases it */
byte gated;		/* ... and has removed the claim */
byte letgo;		/* exclusive, and nobody relies on it any more */
byte relies;		/* exclusive, and somebody relies on it */

/* In the groups' directories, and what is so of it. */
byte cfile;		/* c, or something is left of what was let go */
byte cwar;		/* w(c) */
byte cover;		/* the lease is over */
byte cletgo;		/* c was left, or its process is dead */
byte cdoomed;		/* somebody has found that it may be evicted */
byte crelies;		/* the sharer relies on its lease */
#ifdef EVICTEARLY
byte cseen;		/* somebody has seen its lease over */
#endif

byte moved;		/* the sharer with the highest number that has */
#ifdef REUSE
byte inode[5];		/* of each claim: its number, or an earlier one's */
#endif

/* bstep */
#define AWAY	0		/* there is no breaker */
#define FOUND	1		/* has found that it may break its victim */
#define CLEARED	2		/* has removed the victim's claim */
#define PROVED	3		/* has seen that LOCK is the victim's */
#define TOOK	4		/* has the lock file in its warrant */

#define links(x)	(has(claim_, x) + has(used, x) + (lock_ == (x)) + \
			 (bstep == TOOK && bv == (x)))

/* Others may link to any claim's file, unless its inode is to be used again. */
#ifdef REUSE
#define LINKABLE(x)	(links(x) > 0)
#define MAKE(x)		skip
#else
byte made;		/* claims that were ever made */
#define LINKABLE(x)	has(made, x)
#define MAKE(x)		add(made, x)
#endif

#ifdef REUSE
#define SAME(x)		(lock_ != 0 && inode[lock_] == inode[x])
#define FREE_BY(i, x)	(inode[x] != i || links(x) == 0)
#define FREE(i)		(FREE_BY(i, 1) && FREE_BY(i, 2) && \
			 FREE_BY(i, 3) && FREE_BY(i, 4))
#define USED(i)		(inode[1] == i || inode[2] == i || \
			 inode[3] == i || inode[4] == i)
#define NEW_INODE(x) \
	if \
	:: inode[x] = x \
	:: USED(1) && FREE(1) -> inode[x] = 1 \
	:: USED(2) && FREE(2) -> inode[x] = 2 \
	:: USED(3) && FREE(3) -> inode[x] = 3 \
	:: USED(4) && FREE(4) -> inode[x] = 4 \
	fi
#ifdef NOFSTAT
#define STALE(x)	(!IS_GROUP(x) && links(x) == 0)
#else
#define STALE(x)	(links(x) == 0)
#endif
#else
#define SAME(x)		(lock_ == (x))
#define NEW_INODE(x)	skip
#define STALE(x)	false
#endif

#ifdef BLIND
#define GRANTED(x)	(IS_GROUP(x) || has(warrant, x))
#else
#define GRANTED(x)	has(warrant, x)
#endif
#ifdef DEADDIR
#define OPEN(g)		true
#else
#define OPEN(g)		has(sdir, g)
#endif
#ifdef RMTREE
#define EMPTY(g)	true
#else
#define EMPTY(g)	(((cfile | cwar) & MEMBERS(g)) == 0)
#endif
#define UNUSED(g)	(((cfile | cwar) & MEMBERS(g)) == 0)

#ifdef NOGATE
#define UNAIM(x)	skip
#else
#define UNAIM(x)	del(aimed, x)
#endif

/* Nothing matters any more of what is gone. */
inline tidy_c(c) {
	if
	:: !has(cfile | cwar, c) ->
		del(cover, c);
		del(cletgo, c);
		del(cdoomed, c)
	:: else
	fi
}

inline tidy(x) {
	if
	:: !has(claim_, x) -> UNAIM(x)
	:: else
	fi;
	if
	:: !GRANTED(x) -> del(gated, x)
	:: else
	fi
}

/*
 * Who joins a group, or breaks a claim, has read its name in LOCK.  It makes no
 * difference once there is nothing to join.
 */
#if defined(REUSE) || defined(NOPROOF) || defined(DIRLAST) || \
    defined(DEADDIR) || defined(AGAIN)
#define SEEN(x)		add(was, x)
#define UNSEEN(x)	skip
#else
#define SEEN(x) \
	if \
	:: has(sdir, x) -> add(was, x) \
	:: else \
	fi
#define UNSEEN(x)	del(was, x)
#endif

/* Somebody's link to LOCK has been made. */
inline linked(x) {
	assert(relies == 0 && crelies == 0);
	lock_ = x;
	SEEN(x)
}

/* A rename moves LOCK away. */
inline take_down(target) {
	assert(lock_ == target);
	assert(!has(relies, target));
	assert(!IS_GROUP(target) || (crelies & MEMBERS(target)) == 0);
	lock_ = 0
}

/* Whatever is there of it now counts as one thing; see above. */
inline let_go(x) {
	add(cfile, x);
	del(cwar, x);
	del(cover, x);
	del(cdoomed, x);
	add(cletgo, x)
}

inline remove_c(c) {
	assert(!has(crelies, c));
	del(cfile, c);
	tidy_c(c)
}

/* A sharer has just learned that it holds the lock with g. */
inline rely_c(g, c) {
	assert(lock_ == g);
	assert(relies == 0);
	add(crelies, c)
}

#define c		C(g, me)
#define LOST		(!has(cfile, c) || has(cletgo, c))

proctype Sharer(byte me)
{
	byte g;		/* the group that it founds or joins */
	byte tried;	/* groups in which it had a claim */

start:
	atomic {
		g = 0;
		if
		:: has(tried, 1) && (NG < 2 || has(tried, 2)) -> tried = 0; goto out
		:: else
		fi
	};
	if
	:: atomic {
		me <= NG && !has(tried, me) && moved >= me - 1 ->
		g = me;
		add(tried, g);
		moved = (moved < me -> me : moved);
#ifndef DIRLAST
		add(sdir, g);
#endif
		}
#define JOINS(x) \
	:: atomic { \
		me != x && !has(tried, x) && has(sdir, x) && JOINABLE(x) && \
		moved >= me - 1 -> \
		g = x; \
		add(tried, g); \
		moved = (moved < me -> me : moved) }
#ifdef JOINANY
#define JOINABLE(x)	has(claim_, x)
#else
#define JOINABLE(x)	has(was, x)
#endif
	JOINS(1)
#if NG > 1
	JOINS(2)
#endif
	:: atomic {
		moved >= me - 1 ->
		moved = (moved < me -> me : moved);
		tried = 0;
		goto out }
	fi;

#ifdef DIRLAST
	if
	:: g == me -> goto make_claim
	:: else
	fi;
#endif
join:
#ifdef FILEFIRST
	atomic {
		if
		:: OPEN(g) -> add(cfile, c)
		:: else -> goto start
		fi
	};
	atomic {
		if
		:: LOST -> goto leave
		:: !LOST && OPEN(g) -> add(cwar, c)
		:: !LOST && !OPEN(g) -> goto leave
		fi
	};
#else
	atomic {
		if
		:: OPEN(g) -> add(cwar, c)
		:: !OPEN(g) -> goto start
		:: true -> goto start
		fi
	};
	atomic {
		if
		:: OPEN(g) -> add(cfile, c)
		:: !OPEN(g) -> goto start
		:: true -> goto start
		fi
	};
#endif
	if
	:: g != me -> goto settle
#ifdef DIRLAST
	:: g == me -> goto settle
#else
	:: g == me
#endif
	fi;

make_claim:
	atomic {
		NEW_INODE(g);
		MAKE(g);
		add(warrant, g);
		add(claim_, g)
	};

contend:
	if
	:: atomic { lock_ == 0 && has(claim_, g) -> linked(g); goto won }
	:: atomic { SAME(g) -> goto won }
	:: atomic { !LOST && has(cover, c) -> del(cover, c); goto contend }
	:: goto leave
	fi;

won:
#if defined(REUSE) && !defined(NODATEG)
	if
	:: atomic { has(warrant, g) }
	:: atomic { !has(warrant, g) -> goto leave }
	fi;
#endif
#ifdef DIRLAST
	atomic { add(sdir, g); goto join };
#endif

settle:
	if
#ifdef NODATE
	:: atomic { g != me && !LOST -> del(cover, c); rely_c(g, c) }
#endif
#ifdef NODATEWON
	:: atomic { g == me && !LOST && !has(cover, c) -> rely_c(g, c) }
#endif
	:: atomic { !LOST && has(cwar, c) && !has(cover, c) -> rely_c(g, c) }
	:: atomic { !LOST && has(cwar, c) && has(cover, c) -> goto refresh }
	:: atomic { LOST || !has(cwar, c) -> goto leave }
	fi;

holding:
	if
	:: goto refresh
	:: goto leave
	fi;

refresh:
#ifdef ASKFIRST
	if
	:: atomic { !LOST && has(cwar, c) }
	:: atomic { LOST || !has(cwar, c) -> goto leave }
	fi;
#endif
	if
	:: atomic { !LOST -> del(cover, c) }
	:: atomic { LOST -> goto leave }
	fi;
#ifdef ASKFIRST
	atomic {
		if
		:: !LOST && !has(cover, c) -> rely_c(g, c)
		:: else
		fi;
		goto holding
	};
#endif
	if
	:: atomic {
		!LOST && has(cwar, c) ->
		if
		:: has(cover, c)
		:: else -> rely_c(g, c)
		fi;
		goto holding }
	:: atomic { LOST || !has(cwar, c) -> goto leave }
	fi;

leave:	atomic {
		del(crelies, c);
		if
		:: has(cfile, c) -> let_go(c)
		:: else
		fi;
		goto start
	};
out:	skip
}
#undef c

proctype Exclusive(byte x)
{
	if
#if NX > 1
	:: atomic { x == NG + 1 || has(claim_ | letgo, x - 1) ->
#else
	:: atomic { true ->
#endif
		NEW_INODE(x);
		MAKE(x);
		add(warrant, x);
		add(claim_, x) }
	fi;
contend:
	if
	:: atomic { lock_ == 0 && has(claim_, x) -> linked(x) }
	:: atomic { SAME(x) }
	:: atomic { add(letgo, x); goto out }
	fi;
	atomic {
		if
		:: has(warrant, x) && !has(letgo, x) ->
			assert(lock_ == x);
			assert(relies == 0 && crelies == 0);
			add(relies, x)
		:: !has(warrant, x) || has(letgo, x) -> add(letgo, x)
		fi
	};
out:	skip
}

#ifdef OPENCLOSE
#define RELEASABLE(x)	true
#else
#define RELEASABLE(x)	(IS_GROUP(x) -> !has(sdir, x) : has(letgo, x))
#endif
#ifdef OPENBREAK
#define BREAKABLE(x)	(IS_GROUP(x) || has(letgo, x))
#else
#define BREAKABLE(x)	(IS_GROUP(x) -> !has(sdir, x) : has(letgo, x))
#endif

#ifdef NOGATE
#define PASSES(x)	has(IS_GROUP(x) -> aimed : gated, x)
#else
#define PASSES(x)	has(gated, x)
#endif
#define GATE(x) \
	:: atomic { \
		has(aimed, x) && has(claim_, x) -> \
		del(claim_, x); \
		add(gated, x); \
		tidy(x) }
#ifdef NOREVOKE
#define REVOKED(x)	(IS_GROUP(x) || !has(warrant, x))
#else
#define REVOKED(x)	(!has(warrant, x))
#endif
#ifdef CLAIMFIRST
#define WITHDRAWS(x)	(has(claim_, x) && \
			 (IS_GROUP(x) || !has(warrant, x)))
#else
#define WITHDRAWS(x)	(has(claim_, x) && !has(warrant, x))
#endif

/* What others do with a claim x, and with LOCK on behalf of it. */
#define REQUESTS(x) \
	:: atomic {		/* a release looks at LOCK */ \
		SAME(x) && has(claim_, x) && !has(aimed, x) && \
		RELEASABLE(x) -> \
		add(aimed, x) } \
	GATE(x) \
	:: atomic { \
		PASSES(x) && lock_ != 0 && GRANTED(x) -> \
		take_down(x); \
		del(gated, x); \
		add(used, x) } \
	:: atomic {		/* W(x), with W(x)/lock if it is there */ \
		has(warrant, x) -> \
		del(used, x); \
		del(warrant, x); \
		tidy(x) } \
	:: atomic { \
		WITHDRAWS(x) -> \
		del(claim_, x); \
		tidy(x) } \
	:: atomic {		/* late */ \
		lock_ == 0 && LINKABLE(x) -> \
		linked(x) }

#define EXCLUSIVE(x) \
	:: atomic { \
		has(claim_ | relies, x) && !has(letgo, x) -> \
		add(letgo, x); \
		del(relies, x) }

#define GROUP(g) \
	:: atomic { \
		has(sdir, g) && EMPTY(g) -> \
		del(sdir, g); \
		UNSEEN(g) } \
	REMADE(g)
#ifdef AGAIN
#define REMADE(g) \
	:: atomic { \
		!has(sdir, g) && has(was, g) -> \
		add(sdir, g) }
#else
#define REMADE(g)
#endif

/*
 * A breaker.  That FOUND and CLEARED were so stays so, but under REUSE the
 * victim's number may become another's meanwhile.
 */
#if defined(REUSE)
#define BREAKS(x) \
	:: atomic { \
		bstep == AWAY && has(was, x) && REVOKED(x) && BREAKABLE(x) && \
		!STALE(x) -> \
		bstep = FOUND; \
		bv = x }
#define BREAKS_ON \
	:: atomic { \
		bstep == FOUND -> \
		del(claim_, bv); \
		tidy(bv); \
		bstep = CLEARED } \
	:: atomic { bstep == CLEARED && SAME(bv) -> bstep = PROVED }
#elif defined(NOPROOF)
#define BREAKS(x) \
	:: atomic { \
		bstep == AWAY && has(was, x) && REVOKED(x) && \
		BREAKABLE(x) && (IS_GROUP(x) || SAME(x)) -> \
		bstep = PROVED; \
		bv = x }
#define BREAKS_ON
#elif defined(EARLY)
#define BREAKS(x) \
	:: atomic { \
		bstep == AWAY && lock_ == x && BREAKABLE(x) -> \
		bstep = CLEARED; \
		bv = x }
#define BREAKS_ON \
	:: atomic { \
		bstep == CLEARED && REVOKED(bv) && \
		(IS_GROUP(bv) || SAME(bv)) -> \
		bstep = PROVED }
#else
#define BREAKS(x) \
	:: atomic { \
		bstep == AWAY && REVOKED(x) && BREAKABLE(x) && SAME(x) -> \
		bstep = PROVED; \
		bv = x }
#define BREAKS_ON
#endif

#ifdef NOGUARD		/* another one breaks as if it were alone */
#define BREAKS_TOO(x) \
	:: atomic { \
		IS_GROUP(x) && !has(proved, x) && REVOKED(x) && BREAKABLE(x) && SAME(x) -> \
		add(proved, x) } \
	:: atomic { \
		has(proved, x) && lock_ != 0 -> \
		take_down(x); \
		del(proved, x) }
byte proved;
#else
#define BREAKS_TOO(x)
#endif

#ifdef EVICTKEEPS
#define UNWARRANTED(c)	true
#else
#define UNWARRANTED(c)	(!has(cwar, c))
#endif
#if defined(EVICTBLIND)
#define OVERDUE(c)	true
#elif defined(EVICTEARLY)
#define OVERDUE(c)	has(cseen, c)
#define SEE(c)		add(cseen, c)
#else
#define OVERDUE(c)	has(cover, c)
#endif
#ifndef SEE
#define SEE(c)		skip
#endif
#ifdef ALIVE
#define BURY(c)		skip
#else
#define BURY(c)		del(crelies, c)
#endif

/* What others do with c. */
#define MEMBER(c) \
	:: atomic { has(cwar, c) -> del(cwar, c); tidy_c(c) } \
	:: atomic { \
		has(cfile, c) && !has(cletgo | cdoomed, c) && \
		UNWARRANTED(c) && OVERDUE(c) -> \
		add(cdoomed, c) } \
	:: atomic { has(cfile, c) && has(cletgo | cdoomed, c) -> remove_c(c) } \
	:: atomic {		/* the lease runs out */ \
		has(cfile, c) && !has(cover | cletgo, c) -> \
		add(cover, c); \
		SEE(c); \
		del(crelies, c) } \
	:: atomic {		/* another process leaves, or it dies */ \
		has(cfile, c) && !has(cletgo, c) -> \
		BURY(c); \
		let_go(c) }

/* Is LOCK in a state that only the guard which was taken out would end? */
#if defined(NOEVICT)
#define STUCK		(has(sdir, lock_) && (cover & MEMBERS(lock_)) != 0)
#elif defined(ORPHANS)
#define STUCK		(has(sdir, lock_) && \
			 (cwar & ~cfile & MEMBERS(lock_)) != 0)
#elif defined(STAYS)
#define STUCK		(has(sdir, lock_) && UNUSED(lock_))
#elif defined(KEEPS)
#define STUCK		(!has(sdir, lock_) && !has(warrant, lock_))
#elif defined(KEEPFULL)
#define STUCK		(!has(sdir, lock_) && has(used, lock_))
#endif

proctype World()
{
end:	do
	REQUESTS(1)
	BREAKS(1)
	BREAKS_TOO(1)
	GROUP(1)
#if NG > 1
	GROUP(2)
#endif
#if NG + NX > 1
	REQUESTS(2)
	BREAKS(2)
	BREAKS_TOO(2)
#endif
#if NG + NX > 2
	REQUESTS(3)
	BREAKS(3)
	BREAKS_TOO(3)
#endif
#if NG + NX > 3
	REQUESTS(4)
	BREAKS(4)
	BREAKS_TOO(4)
#endif
#ifdef STUCK
	:: atomic { lock_ != 0 && IS_GROUP(lock_) && STUCK -> assert(false) }
#endif
	BREAKS_ON
	:: atomic {
		bstep == PROVED && lock_ != 0 ->
		take_down(bv);
		bstep = TOOK }
	:: atomic { bstep != AWAY -> bstep = AWAY; bv = 0 }
#if NX > 0
	EXCLUSIVE(NG + 1)
#endif
#if NX > 1
	EXCLUSIVE(NG + 2)
#endif
	MEMBER(0)
	MEMBER(1)
#if NG * NS > 2
	MEMBER(2)
#endif
#if NG * NS > 3
	MEMBER(3)
#endif
#if NG * NS > 4
	MEMBER(4)
	MEMBER(5)
#endif
	od
}

init {
	atomic {
		run World();
		run Sharer(1);
#if NS > 1
		run Sharer(2);
#endif
#if NS > 2
		run Sharer(3);
#endif
#if NX > 0
		run Exclusive(NG + 1);
#endif
#if NX > 1
		run Exclusive(NG + 2);
#endif
	}
}
