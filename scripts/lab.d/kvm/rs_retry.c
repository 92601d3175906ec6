// SPDX-License-Identifier: GPL-2.0-only
/* Between KVM and the algorithms of replay/bounded.h: see rs_retry.h. */
#include <linux/build_bug.h>
#include <linux/kvm_host.h>
#include <linux/moduleparam.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/timekeeping.h>

#include "traces/dat/retry_algos.h"

#define NUMBER(sym, name) ALGO_##sym,
enum { ALGO_KERNEL, RS_RETRY_ALGOS(NUMBER) };

/* As retryscope calls them; "kernel" is what was there before. */
#define NAME(sym, name) [ALGO_##sym] = (name),
static const char *const names[] = { [ALGO_KERNEL] = "kernel", RS_RETRY_ALGOS(NAME) };
static int chosen;

static int choose(const char *text, const struct kernel_param *kp)
{
	const int i = sysfs_match_string(names, text);

	if (i < 0)
		return i;
	WRITE_ONCE(chosen, i);
	return 0;
}

static int say_chosen(char *to, const struct kernel_param *kp)
{
	return sysfs_emit(to, "%s\n", names[READ_ONCE(chosen)]);
}

static const struct kernel_param_ops ops = { .set = choose, .get = say_chosen };
module_param_cb(retry_algo, &ops, NULL, 0644);
MODULE_PARM_DESC(retry_algo, "by which algorithm faults are tried again, of VMs made from now on");

/* How often and how long mmu_lock was held, of all VMs since the parameter was written to. */
static struct {
	atomic64_t times, ns;
} held[RS_HELD_KINDS];

u64 rs_held_since(void)
{
	return ktime_get_ns();
}

void rs_held_until_now(enum rs_held kind, u64 since)
{
	atomic64_add(ktime_get_ns() - since, &held[kind].ns);
	atomic64_inc(&held[kind].times);
}

static int forget_held(const char *text, const struct kernel_param *kp)
{
	for (int i = 0; i < RS_HELD_KINDS; i++) {
		atomic64_set(&held[i].times, 0);
		atomic64_set(&held[i].ns, 0);
	}
	return 0;
}

static int say_held(char *to, const struct kernel_param *kp)
{
	return sysfs_emit(to, "%lld %lld %lld %lld\n",
			  (long long)atomic64_read(&held[RS_HELD_WRITE].times),
			  (long long)atomic64_read(&held[RS_HELD_WRITE].ns),
			  (long long)atomic64_read(&held[RS_HELD_READ].times),
			  (long long)atomic64_read(&held[RS_HELD_READ].ns));
}

static const struct kernel_param_ops held_ops = { .set = forget_held, .get = say_held };
module_param_cb(retry_held, &held_ops, NULL, 0644);
MODULE_PARM_DESC(retry_held, "how often and for how many ns mmu_lock was held for write, for read");

/* KVM's own four words are in the order of struct rs_kvm_words. */
static struct rs_kvm_words *words_of(struct kvm *kvm)
{
#define AT(member, word)                                                                        \
	BUILD_BUG_ON(offsetof(struct kvm, member) - offsetof(struct kvm, mmu_invalidate_seq) != \
		     offsetof(struct rs_kvm_words, word));                                      \
	BUILD_BUG_ON(sizeof(kvm->member) != sizeof(((struct rs_kvm_words *)0)->word))
	AT(mmu_invalidate_seq, seq);
	AT(mmu_invalidate_in_progress, in_progress);
	AT(mmu_invalidate_range_start, range.start);
	AT(mmu_invalidate_range_end, range.end);
#undef AT
	return (struct rs_kvm_words *)&kvm->mmu_invalidate_seq;
}

void rs_retry_init(struct kvm *kvm)
{
	struct rs_retry *r = &kvm->rs_retry;

	r->algo = READ_ONCE(chosen);
	r->recent = (struct rs_bounded_recent){
		.live = RS_RETRY_LIVE,
		.per_inval = RS_RETRY_RANGES,
		.done = RS_RETRY_DONE,
		.entry_size = RS_PIECES_SIZE(RS_RETRY_RANGES),
		.owner = r->owner,
		.entries = (char *)r->room,
	};
}

void rs_retry_say(struct kvm *kvm, u64 start, u64 end)
{
	kvm->rs_retry.key = (struct rs_retry_key){ start, end };
}

/* A task ends what it began, and of its notifier calls those of one range are alike. */
static struct rs_bounded_owner owner_of(struct rs_retry_key key)
{
	return (struct rs_bounded_owner){ current, key.start, key.end };
}

/*
 * One inside another of the same owner is not told from it: they have one entry, which stays
 * until both have ended.
 */
static void begin_recent(struct rs_retry *r, struct rs_kvm_words *w)
{
	const struct rs_bounded_owner owner = owner_of(r->key);
	const u32 i = rs_bounded_find(&r->recent, owner);

	/* The range of those before says nothing; nobody is to read it as if it did. */
	if (!w->in_progress)
		w->range = (struct rs_range){ 0, 0 };
	if (i == RS_RETRY_LIVE) {
		rs_bounded_recent_begin(&r->recent, w, owner);
		return;
	}
	r->joined[i]++;
	w->in_progress++;
}

static void end_recent(struct rs_retry *r, struct rs_kvm_words *w)
{
	const struct rs_bounded_owner owner = owner_of(r->key);
	const u32 i = rs_bounded_find(&r->recent, owner);

	if (i < RS_RETRY_LIVE && r->joined[i]) {
		r->joined[i]--;
		rs_bounded_recent_remember(&r->recent, w, i);
	} else {
		rs_bounded_recent_end(&r->recent, w, owner);
	}
}

#define BOTH_KINDS ((1U << RS_BOUNDED_KINDS) - 1)
#define SHARED_KIND 1U

/* The entry of @who; NULL as @who: a free one. NULL if there is none. */
static struct rs_split_owner *owner_of_split(struct rs_retry *r, const void *who)
{
	for (int i = 0; i < RS_SPLIT_OWNERS; i++)
		if (r->split_owner[i].who == who)
			return &r->split_owner[i];
	return NULL;
}

/*
 * A notifier's call is about shared mappings. What is about gfns says its kind when it comes to
 * the first memslot, and not at its end: so it has an entry. Until that memslot it is in neither
 * half; nobody looks before, as mmu_lock is held from the begin on. Without an entry of its own
 * it is of both kinds.
 */
static void begin_split(struct rs_retry *r)
{
	struct rs_split_owner *o = r->key.end ? NULL : owner_of_split(r, current);
	struct rs_split_owner *new = r->key.end || o ? NULL : owner_of_split(r, NULL);

	if (new) {
		*new = (struct rs_split_owner){ .who = current };
		return;
	}
	if (o)
		o->joined++;
	rs_bounded_split_begin(r->halves, r->key.end ? SHARED_KIND : BOTH_KINDS);
}

static void add_split(struct rs_retry *r, u64 start, u64 end, unsigned int kinds,
		      struct rs_retry_key key)
{
	struct rs_split_owner *o = key.end ? NULL : owner_of_split(r, current);

	if (key.end)
		kinds = SHARED_KIND;
	else if (!kinds || !o || o->joined)
		kinds = BOTH_KINDS;
	if (o && !o->kinds) {
		o->kinds = kinds;
		rs_bounded_split_begin(r->halves, kinds);
	}
	rs_bounded_split_add(r->halves, kinds, start, end);
}

static void end_split(struct rs_retry *r, struct rs_kvm_words *w)
{
	struct rs_split_owner *o = r->key.end ? NULL : owner_of_split(r, current);
	unsigned int kinds = r->key.end ? SHARED_KIND : BOTH_KINDS;

	if (o && o->joined) {
		o->joined--;
	} else if (o) {
		if (o->kinds)
			kinds = o->kinds;
		else
			rs_bounded_split_begin(r->halves, kinds);
		o->who = NULL;
	}
	rs_bounded_split_end(w, r->halves, kinds);
}

bool rs_retry_begin(struct kvm *kvm)
{
	struct rs_kvm_words *w = words_of(kvm);
	struct rs_retry *r = &kvm->rs_retry;

	switch (r->algo) {
	case ALGO_GLOBAL:
	case ALGO_GFN:
		rs_bounded_begin(w);
		return true;
	case ALGO_HVA:
		rs_bounded_begin(w);
		if (r->key.end)
			rs_bounded_add(w, r->key.start, r->key.end);
		else
			rs_bounded_add_all(w);
		return true;
	case ALGO_GFN_SPLIT:
		rs_bounded_begin(w);
		begin_split(r);
		return true;
	case ALGO_HFN_RECENT:
		begin_recent(r, w);
		return true;
	}
	return false;
}

static void add_frames(struct kvm *kvm, const struct kvm_memory_slot *slot, u64 start, u64 end,
		       struct rs_retry_key key)
{
	const u64 base = (slot->userspace_addr >> PAGE_SHIFT) - slot->base_gfn;
	const struct rs_bounded_owner owner = owner_of(key);

	rs_pieces_add(rs_bounded_recent_entry(&kvm->rs_retry.recent, owner), RS_RETRY_RANGES,
		      start + base, end + base);
}

bool rs_retry_add(struct kvm *kvm, const struct kvm_memory_slot *slot, u64 start, u64 end,
		  unsigned int kinds, struct rs_retry_key key)
{
	switch (kvm->rs_retry.algo) {
	case ALGO_KERNEL:
		return false;
	case ALGO_GFN:
		rs_bounded_add(words_of(kvm), start, end);
		break;
	case ALGO_GFN_SPLIT:
		rs_bounded_add(words_of(kvm), start, end);
		add_split(&kvm->rs_retry, start, end, kinds, key);
		break;
	case ALGO_HFN_RECENT:
		add_frames(kvm, slot, start, end, key);
		break;
	}
	return true;
}

/* Of which only the gfns are known: whatever memslots they are in. */
bool rs_retry_add_gfns(struct kvm *kvm, u64 start, u64 end)
{
	struct kvm_memslot_iter iter;

	if (kvm->rs_retry.algo != ALGO_HFN_RECENT)
		return rs_retry_add(kvm, NULL, start, end, 0, (struct rs_retry_key){ 0, 0 });
	for (int i = 0; i < kvm_arch_nr_memslot_as_ids(kvm); i++) {
		kvm_for_each_memslot_in_gfn_range(&iter, __kvm_memslots(kvm, i), start, end)
		{
			const struct kvm_memory_slot *slot = iter.slot;

			add_frames(kvm, slot, max(start, slot->base_gfn),
				   min(end, slot->base_gfn + slot->npages),
				   (struct rs_retry_key){ 0, 0 });
		}
	}
	return true;
}

bool rs_retry_end(struct kvm *kvm)
{
	struct rs_retry *r = &kvm->rs_retry;

	switch (r->algo) {
	case ALGO_KERNEL:
		return false;
	case ALGO_GFN_SPLIT:
		end_split(r, words_of(kvm));
		break;
	case ALGO_HFN_RECENT:
		end_recent(r, words_of(kvm));
		break;
	default:
		rs_bounded_end(words_of(kvm));
	}
	return true;
}

bool rs_retry_rejects(struct kvm *kvm, const struct kvm_memory_slot *slot, u64 gfn, bool is_private,
		      unsigned long seq)
{
	const u64 hva = slot->userspace_addr + ((gfn - slot->base_gfn) << PAGE_SHIFT);
	const struct rs_kvm_words *w = words_of(kvm);

	switch (kvm->rs_retry.algo) {
	case ALGO_GFN:
		return rs_bounded_rejects(w, gfn, seq);
	case ALGO_GFN_SPLIT:
		return rs_bounded_split_rejects(kvm->rs_retry.halves, is_private, gfn, seq);
	case ALGO_HVA:
		return is_private ? rs_bounded_rejects_any(w, seq)
				  : rs_bounded_rejects(w, hva, seq);
	case ALGO_HFN_RECENT:
		return rs_bounded_recent_rejects(&kvm->rs_retry.recent, w, hva >> PAGE_SHIFT, seq);
	}
	return rs_bounded_rejects_any(w, seq);
}
