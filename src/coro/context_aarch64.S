/* context_aarch64.S - the switch for AArch64, AAPCS64
 *
 * A suspended stack, upwards from its saved stack pointer:
 *
 *	  0  x29, x30 (where to go on)	 48  x23, x24	 96  d8,  d9	144  d14, d15
 *	 16  x19, x20			 64  x25, x26	112  d10, d11	160  (the caller's frame)
 *	 32  x21, x22			 80  x27, x28	128  d12, d13
 *
 * x29 and x30 lie lowest, as a frame record, so the saved stack pointer is itself a frame pointer
 * from which the suspended stack can be walked.
 *
 * Under pointer authentication (-mbranch-protection) the way back is signed with the stack pointer
 * while it lies on the stack, as compilers do.  Under branch target identification we leave by ret,
 * because what follows a call is no landing pad; otherwise by br, because a ret is predicted from
 * the calls the processor has seen, and those were made on another stack. */

#define BTI_C  hint #34
#define BTI_JC hint #38

#if defined(__ARM_FEATURE_PAC_DEFAULT)
#define SIGN_RETURN hint #25; .cfi_negate_ra_state	/* paciasp */
#define AUTH_RETURN hint #29; .cfi_negate_ra_state	/* autiasp */
#define SIGN_X17    hint #8				/* pacia1716: sign x17 with x16 */
#define NOTE_PAC    2
#else
#define SIGN_RETURN
#define AUTH_RETURN
#define SIGN_X17
#define NOTE_PAC    0
#endif

#if defined(__ARM_FEATURE_BTI_DEFAULT)
#define LEAVE	 ret
#define NOTE_BTI 1
#else
#define LEAVE	 mov x16, x30; br x16
#define NOTE_BTI 0
#endif

	.text

	.globl	rota__switch
	.hidden	rota__switch
	.type	rota__switch, %function
	.p2align 6
rota__switch:		/* x0: void **save_sp, x1: void *to_sp, x2: void *value */
	.cfi_startproc
	BTI_C
	SIGN_RETURN
	stp	x29, x30, [sp, #-160]!
	.cfi_def_cfa_offset 160
	.cfi_offset x29, -160
	.cfi_offset x30, -152
	stp	x19, x20, [sp, #16]
	.cfi_offset x19, -144
	.cfi_offset x20, -136
	stp	x21, x22, [sp, #32]
	.cfi_offset x21, -128
	.cfi_offset x22, -120
	stp	x23, x24, [sp, #48]
	.cfi_offset x23, -112
	.cfi_offset x24, -104
	stp	x25, x26, [sp, #64]
	.cfi_offset x25, -96
	.cfi_offset x26, -88
	stp	x27, x28, [sp, #80]
	.cfi_offset x27, -80
	.cfi_offset x28, -72
	stp	d8, d9, [sp, #96]
	stp	d10, d11, [sp, #112]
	stp	d12, d13, [sp, #128]
	stp	d14, d15, [sp, #144]
	mov	x9, sp
	str	x9, [x0]
	mov	sp, x1		/* from here on the same offsets describe the other stack */
	mov	x0, x2
	ldp	d8, d9, [sp, #96]
	ldp	d10, d11, [sp, #112]
	ldp	d12, d13, [sp, #128]
	ldp	d14, d15, [sp, #144]
	ldp	x19, x20, [sp, #16]
	ldp	x21, x22, [sp, #32]
	ldp	x23, x24, [sp, #48]
	ldp	x25, x26, [sp, #64]
	ldp	x27, x28, [sp, #80]
	ldp	x29, x30, [sp], #160
	.cfi_def_cfa_offset 0
	.cfi_restore x19
	.cfi_restore x20
	.cfi_restore x21
	.cfi_restore x22
	.cfi_restore x23
	.cfi_restore x24
	.cfi_restore x25
	.cfi_restore x26
	.cfi_restore x27
	.cfi_restore x28
	.cfi_restore x29
	.cfi_restore x30
	AUTH_RETURN
	LEAVE
	.cfi_endproc
	.size	rota__switch, . - rota__switch

/* Where a new stack begins: rota__context_make() left the entry function in x19 and 0 in x29;
 * rota__switch() put the value in x0.  No return address: unwinders see an undefined one and stop,
 * frame-pointer walks read x29 = 0 and stop. */
	.type	context_start, %function
	.p2align 4
context_start:
	.cfi_startproc
	.cfi_undefined x30
	nop			/* unwinders look up what is before a return address: see that it */
.Lfirst:			/* belongs to us while the context was never entered */
	BTI_JC
	blr	x19
	brk	#1		/* entry functions do not return */
	.cfi_endproc
	.size	context_start, . - context_start

	.globl	rota__context_make
	.hidden	rota__context_make
	.type	rota__context_make, %function
	.p2align 4
rota__context_make:	/* x0: void *stack_top, x1: void (*entry)(void *) */
	.cfi_startproc
	BTI_C
	and	x16, x0, #-16
	adr	x17, .Lfirst
	SIGN_X17
	sub	x0, x16, #160
	stp	xzr, x17, [x0]		/* x29: the end of the frame chain; x30 */
	str	x1, [x0, #16]		/* x19; the other registers start as whatever lies there */
	ret
	.cfi_endproc
	.size	rota__context_make, . - rota__context_make

	.section .note.GNU-stack, "", %progbits

#if NOTE_BTI || NOTE_PAC
	.section .note.gnu.property, "a"
	.p2align 3
	.word	4		/* length of the name */
	.word	16		/* length of the description */
	.word	5		/* NT_GNU_PROPERTY_TYPE_0 */
	.asciz	"GNU"
	.word	0xc0000000	/* GNU_PROPERTY_AARCH64_FEATURE_1_AND */
	.word	4
	.word	NOTE_BTI + NOTE_PAC
	.word	0
#endif
